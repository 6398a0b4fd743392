"""What a demo comes to."""

from dataclasses import asdict, dataclass
from typing import Any

from contracts import SECOND, Decision, decision_digest
from evals.scenario import Trouble
from ledger import Transaction

DECISION = "forestall.decision.made"


@dataclass(frozen=True, slots=True)
class IncidentResult:
    """One incident; times in seconds since the trouble really began, None where nothing had."""

    id: str
    status: str
    lane: str | None
    autonomous: bool
    explanation: str
    detected_after_s: float | None
    resolved_after_s: float | None
    commands: tuple[str, ...]
    trouble: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class DemoResult:
    """`orders_saved` is against the same world with nobody acting."""

    decision_digest: str
    incidents: tuple[IncidentResult, ...]
    orders_saved: int
    orders_saved_by_oracle: int
    orders_lost: int
    orders_lost_without: int
    commands: int
    decisions: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def decisions_of(tx: Transaction, incident: str | None = None) -> list[Decision]:
    """All decisions, from the journal alone."""
    return [Decision.model_validate(event.data) for event in tx.journal.events(incident=incident, type_prefix=DECISION)]


def scored(tx: Transaction, troubles: tuple[Trouble, ...], lost: int, without: int, oracle: int) -> DemoResult:
    """Score a play from its ledger, and from the orders lost in it, without anybody acting, and with the oracle."""
    docs = tx.incidents.all()
    decisions = decisions_of(tx)
    return DemoResult(
        decision_digest=decision_digest(decisions),
        incidents=tuple(_incident(tx, doc, troubles) for doc in docs),
        orders_saved=without - lost,
        orders_saved_by_oracle=without - oracle,
        orders_lost=lost,
        orders_lost_without=without,
        commands=sum(len(tx.commands.of_incident(doc["id"])) for doc in docs),
        decisions=len(decisions),
    )


def _incident(tx: Transaction, doc: dict[str, Any], troubles: tuple[Trouble, ...]) -> IncidentResult:
    before = [trouble for trouble in troubles if trouble.onset <= doc["opened_at"]]
    trouble = before[-1] if before else None
    closed = doc.get("closed_at")
    commands = tx.commands.of_incident(doc["id"])
    return IncidentResult(
        id=doc["id"],
        status=doc["status"],
        lane=doc.get("lane"),
        autonomous=bool(doc.get("autonomous", False)),
        explanation=doc.get("explanation", {}).get("summary", ""),
        detected_after_s=(doc["opened_at"] - trouble.onset) / SECOND if trouble else None,
        resolved_after_s=(closed - trouble.onset) / SECOND if trouble and closed else None,
        commands=tuple(f"{row.command.tool}: {row.outcome.status if row.outcome else row.status}" for row in commands),
        trouble=trouble.what if trouble else None,
        reason=doc.get("reason"),
    )
