"""Who answers in a demo: the played operator, or the person at the terminal. Both see the timeline told first."""

from decimal import Decimal
from typing import Literal

from contracts import DAY, Clock, StandingApproval
from evals import Habits, Operator
from forestall.cli.questions import confirm
from forestall.cli.timeline import Timeline
from forestall.trace import money
from governance import answer, grant_standing
from ledger import ApprovalRow, Ledger, Transaction


class ToldOperator(Operator):
    """The played one; what happened is told before it acts, and after."""

    def __init__(self, ledger: Ledger, clock: Clock, habits: Habits, timeline: Timeline) -> None:
        super().__init__(ledger, clock, habits)
        self._timeline = timeline

    async def act(self) -> bool:
        """See `Operator.act`."""
        await self._timeline.tell(self._ledger, self._clock.now())
        return await super().act()


class AskingOperator(ToldOperator):
    """Asks whoever sits at the terminal. Virtual time waits for the answer."""

    def __init__(self, ledger: Ledger, clock: Clock, habits: Habits, timeline: Timeline) -> None:
        super().__init__(ledger, clock, habits, timeline)
        self._offered: set[str] = set()

    async def act(self) -> bool:
        """See `Operator.act`."""
        now = self._clock.now()
        await self._timeline.tell(self._ledger, now)
        for row in await self._ledger.read(lambda tx: tx.people.requests(status="open")):
            if now < row.request.expires_at:
                await self._answer(row, now)
                return True
        return await self._offer(now)

    async def _answer(self, row: ApprovalRow, now: int) -> None:
        asked = row.request
        calls = [f"  {number}. {call}" for number, call in enumerate(asked.summary.split("; "), 1)]
        stake = f"{money(asked.value_at_stake)} at stake, {money(asked.value_ceiling)} at most"
        verdict: Literal["approved", "denied"] = (
            "approved" if self._ask(["Forestall asks to run:", *calls, f"  {stake}"], "Approve?") else "denied"
        )

        def give(tx: Transaction) -> None:
            answer(
                tx,
                row,
                verdict,
                nonce=asked.nonce,
                plan_digest=asked.plan_digest,
                person=self._habits.name,
                now=now,
            )

        await self._ledger.transact("person:answer", give)

    async def _offer(self, now: int) -> bool:
        """After the first success of a template: may it act alone from now on?"""
        ceiling = self._habits.ceiling
        for incident, template in await self._ledger.read(_succeeded):
            if template in self._offered or ceiling is None:
                continue
            self._offered.add(template)
            question = f"May it act alone, up to {money(ceiling)}, for {self._habits.grant_for // DAY} days?"
            if self._ask([f"{template} has worked."], question):
                await self._give_leave(incident, ceiling, now)
                return True
        return False

    async def _give_leave(self, incident: str, ceiling: Decimal, now: int) -> None:
        def grant(tx: Transaction) -> StandingApproval:
            until = now + self._habits.grant_for
            return grant_standing(
                tx, incident, value_ceiling=ceiling, expires_at=until, person=self._habits.name, now=now
            )

        await self._ledger.transact("person:grant", grant)

    def _ask(self, lines: list[str], question: str) -> bool:
        self._timeline.pause()
        try:
            return confirm(self._timeline.console, lines, question)
        finally:
            self._timeline.go_on()


def _succeeded(tx: Transaction) -> list[tuple[str, str]]:
    """(incident, template) of successes that a person approved, where no standing approval was given."""
    granted = {each.template for each in tx.people.standing()}
    return [
        (doc["id"], doc["template"])
        for doc in tx.incidents.all()
        if doc.get("credit") == "success" and doc.get("ruling") == "ask" and doc.get("template") not in granted
    ]
