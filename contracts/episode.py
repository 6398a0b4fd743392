"""What is remembered of an incident."""

from typing import Literal

from pydantic import Field

from contracts.base import Contract

IncidentStatus = Literal["open", "resolved", "recovered_alone", "observed", "escalated", "denied", "closed_by_person"]
Credit = Literal["success", "failure", "none"]


class Situation(Contract):
    """What recall compares: the signal's shape and the explanation's attributes."""

    pack: str
    detector: str
    measure: str
    key: str
    pattern: str
    severity: float
    verdict: str
    attributes: dict[str, str] = Field(default_factory=dict)
    text: str


class Episode(Contract):
    """One incident and its end. `credit` counts for or against `template`; a recovery of its own credits nothing."""

    id: str
    incident_id: str
    tenant: str
    situation: Situation
    template: str | None
    lane: str | None
    status: IncidentStatus
    credit: Credit
    opened_at: int
    closed_at: int
    note: str = ""


class TrackRecord(Contract):
    """How often a template worked, over the episodes that credit it."""

    template: str
    successes: int = 0
    failures: int = 0

    @property
    def rate(self) -> float:
        """Mean of the Beta posterior under a uniform prior: (successes + 1) / (trials + 2)."""
        return (self.successes + 1) / (self.successes + self.failures + 2)
