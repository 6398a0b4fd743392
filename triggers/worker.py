"""The worker: intake, timers, incident runs, commands and relay, drained in virtual time or served live."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from graphs import Executor, IncidentDriver, Services
from ledger import LedgerBusy, Transaction
from triggers.brokers import RetryLater
from triggers.intake import Intake
from triggers.relay import Relay
from triggers.webhook import Webhook

Step = Callable[[], Awaitable[bool]]
IDLE_WAIT_S = 1.0
"""A loop with nothing to do wakes at every commit, and at least this often, for timers and leases."""
RETRY_WAIT_S = 2.0
_log = logging.getLogger("forestall.worker")


class Worker:
    """Everything that one process does."""

    def __init__(
        self,
        services: Services,
        intakes: Sequence[Intake],
        relay: Relay,
        webhook: Webhook | None = None,
        *,
        batch: int = 500,
    ) -> None:
        self._services, self._intakes, self._batch = services, tuple(intakes), batch
        self._relay, self._webhook = relay, webhook
        self._driver, self._executor = IncidentDriver(services), Executor(services)

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """Topics that this process was to watch and that another one watches."""
        return tuple(intake.topic for intake in self._intakes if not intake.owned)

    async def drain(self) -> None:
        """Work until nothing moves at this instant of the clock; always in the same order."""
        await self._finish()
        for intake in self._intakes:
            while await intake.step(self._batch):
                await self._finish()
        if self._webhook is not None:
            await self._webhook.step()

    async def _finish(self) -> None:
        """Whatever follows from what was taken in so far."""
        while ready := await self._ready():
            moved = False
            for step in ready:
                while await step():
                    moved = True
            if not moved:
                return

    async def _ready(self) -> list[Step]:
        """The steps that have something to do, in the order in which they are to be done."""
        now, owner = self._services.clock.now(), self._services.owner

        def look(tx: Transaction) -> tuple[bool, bool, bool, bool]:
            due = tx.runs.next_due()
            return (
                due is not None and due <= now,
                tx.runs.next_runnable(owner, now) is not None,
                tx.commands.next_ready(owner, now) is not None,
                tx.journal.unsent_count() > 0,
            )

        steps = (self._timers, self._driver.step, self._executor.step, self._relay.step)
        ready = await self._services.ledger.read(look)
        return [step for step, has_work in zip(steps, ready, strict=True) if has_work]

    async def run_until_idle(self, on_progress: Callable[[], None] | None = None) -> None:
        """Read what there is, close the last panes, and finish what can be finished."""
        for intake in self._intakes:
            while await intake.step(self._batch):
                if on_progress is not None:
                    on_progress()
                await self._finish()
        await self.drain()
        for intake in self._intakes:
            await intake.flush()
        await self.drain()

    async def serve(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then end what is under way and give back what is held."""
        async with asyncio.TaskGroup() as tasks:
            for intake in self._intakes:
                tasks.create_task(self._serve_intake(intake, stop))
            steps: list[Step] = [self._timers, self._driver.step, self._executor.step, self._relay.step]
            for step in steps + ([self._webhook.step] if self._webhook else []):
                tasks.create_task(self._serve(step, stop))

    async def close(self) -> None:
        """Give back leases and consumers."""
        for intake in self._intakes:
            await intake.close()
        await self._relay.close()

    async def _timers(self) -> bool:
        ledger, now = self._services.ledger, self._services.clock.now()
        due = await ledger.read(lambda tx: tx.runs.next_due())
        if due is None or due > now:
            return False
        return await ledger.transact("timers", lambda tx: tx.runs.fire_due(now)) > 0

    async def _serve_intake(self, intake: Intake, stop: asyncio.Event) -> None:
        async def step() -> bool:
            if await intake.step(self._batch, wait_s=IDLE_WAIT_S):
                return True
            await intake.settle()
            return intake.owned

        await self._serve(step, stop)

    async def _serve(self, step: Step, stop: asyncio.Event) -> None:
        while not stop.is_set():
            seen = self._services.ledger.commits
            try:
                moved = await step()
            except (LedgerBusy, RetryLater) as passing:
                _log.warning("%s; trying again in %g s", passing, RETRY_WAIT_S)
                await _either(stop.wait(), asyncio.sleep(RETRY_WAIT_S))
                continue
            if not moved:
                await _either(stop.wait(), self._services.ledger.changed(seen, IDLE_WAIT_S))


async def _either(*waits: Awaitable[object]) -> None:
    """Wait for the first, and leave the other."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
