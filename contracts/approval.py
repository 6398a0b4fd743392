"""What a person is asked, answers and grants."""

from decimal import Decimal
from typing import Literal

from contracts.base import Contract


class ApprovalRequest(Contract):
    """A question to a person. The `nonce` answers this plan (`plan_digest`), once, until `expires_at`.

    `value_at_stake` is what the plan was quoted to touch, `value_ceiling` what it may touch at most once approved: the
    world moves on while a person thinks.
    """

    id: str
    incident_id: str
    pack: str
    tenant: str
    plan_digest: str
    template: str
    nonce: str
    value_at_stake: Decimal
    value_ceiling: Decimal
    summary: str
    reasons: tuple[str, ...]
    requested_at: int
    expires_at: int


class ApprovalAnswer(Contract):
    """A person's one-use answer to one request."""

    request_id: str
    nonce: str
    plan_digest: str
    verdict: Literal["approved", "denied"]
    person: str
    answered_at: int
    note: str = ""


class StandingApproval(Contract):
    """Leave to act alone: this template, up to a value, until an instant, unless revoked."""

    id: str
    pack: str
    tenant: str
    template: str
    value_ceiling: Decimal
    granted_by: str
    granted_at: int
    expires_at: int
    revoked_at: int | None = None
    because_of: str

    def holds(self, now: int) -> bool:
        """Whether it was given, and neither taken back nor over."""
        return self.revoked_at is None and self.granted_at <= now < self.expires_at
