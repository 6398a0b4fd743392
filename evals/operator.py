"""Somebody who plays the operator: answers requests after a while, and grants a standing approval after a success."""

from dataclasses import dataclass
from decimal import Decimal

from contracts import DAY, MINUTE, Clock, StandingApproval
from governance import answer, grant_standing
from ledger import ApprovalRow, Ledger, Transaction


@dataclass(frozen=True, slots=True)
class Habits:
    """`answers_after` and `grant_for` in microseconds; `ceiling` in the pack's currency, None grants nothing."""

    name: str = "demo-operator"
    answers_after: int = 15 * MINUTE
    ceiling: Decimal | None = Decimal("10000.00")
    grant_for: int = 30 * DAY


class Operator:
    """What it did is in the ledger, so a restarted one goes on where it stopped."""

    def __init__(self, ledger: Ledger, clock: Clock, habits: Habits) -> None:
        self._ledger, self._clock, self._habits = ledger, clock, habits

    async def act(self) -> bool:
        """Do the next thing that is due; False when there is none."""
        now = self._clock.now()
        requests = await self._ledger.read(lambda tx: tx.people.requests(status="open"))
        for row in requests:
            if row.request.requested_at + self._habits.answers_after <= now < row.request.expires_at:
                await self._approve(row, now)
                return True
        return await self._grant(now)

    async def _approve(self, row: ApprovalRow, now: int) -> None:
        asked = row.request

        def give(tx: Transaction) -> None:
            answer(
                tx,
                row,
                "approved",
                nonce=asked.nonce,
                plan_digest=asked.plan_digest,
                person=self._habits.name,
                now=now,
            )

        await self._ledger.transact("person:approve", give)

    async def _grant(self, now: int) -> bool:
        ceiling, until = self._habits.ceiling, now + self._habits.grant_for
        if ceiling is None:
            return False

        def grant(tx: Transaction) -> StandingApproval | None:
            granted = {each.template for each in tx.people.standing()}
            for doc in tx.incidents.all():
                fits = doc.get("status") == "resolved" and doc.get("credit") == "success"
                if fits and doc.get("ruling") == "ask" and doc["template"] not in granted:
                    return grant_standing(
                        tx, doc["id"], value_ceiling=ceiling, expires_at=until, person=self._habits.name, now=now
                    )
            return None

        if not await self._ledger.read(_has_success):
            return False
        return await self._ledger.transact("person:grant", grant) is not None


def _has_success(tx: Transaction) -> bool:
    granted = {each.template for each in tx.people.standing()}
    return any(
        doc.get("credit") == "success" and doc.get("ruling") == "ask" and doc.get("template") not in granted
        for doc in tx.incidents.all()
    )
