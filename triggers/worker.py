"""The worker: intake, timers, incident runs, commands and relay, drained in virtual time or served live."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from graphs import Executor, IncidentDriver, Services
from ledger import LedgerBusy, Retention, Transaction
from triggers.bell import IDLE_WAIT_S, Bell
from triggers.brokers import BrokerError
from triggers.intake import Intake, StreamStatus
from triggers.patience import RETRY_WAIT_S, TRIES, Patience
from triggers.pruner import Pruner
from triggers.relay import Relay
from triggers.webhook import Webhook

Step = Callable[[], Awaitable[bool]]
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
        retention: Retention | None = None,
    ) -> None:
        self._services, self._intakes, self._batch = services, tuple(intakes), batch
        self._relay, self._webhook = relay, webhook
        self._pruner = Pruner(services, retention or Retention())
        self._driver, self._executor = IncidentDriver(services), Executor(services)

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """Topics that this process was to watch and that others watch."""
        return tuple(intake.topic for intake in self._intakes if not intake.owned)

    async def status(self) -> list[StreamStatus]:
        """How each stream stands."""
        return [await intake.status() for intake in self._intakes]

    async def drain(self) -> None:
        """Work until nothing moves at this instant of the clock; always in the same order."""
        await drain([self])

    async def renew(self) -> None:
        """Keep what is ours where the clock has leapt."""
        for intake in self._intakes:
            await intake.renew()

    async def settle(self) -> None:
        """Renew what is held, and share the streams' partitions with the other workers."""
        for intake in self._intakes:
            await intake.settle()

    async def read(self, on_progress: Callable[[], None] | None = None) -> bool:
        """Read every partition of ours until it is at its end, or too far ahead of the others."""
        moved = False
        for intake in self._intakes:
            while (taken := await intake.step(self._batch)) or await intake.expect(self._batch, IDLE_WAIT_S):
                moved = moved or taken
                if taken and on_progress is not None:
                    on_progress()
        return moved

    async def combine(self, *, flush: bool = False) -> bool:
        """Close panes of the stream that is furthest behind, up to the first that gives an incident something to do."""
        order = self._intakes
        if len(order) > 1:
            instants = {intake: await intake.next_instant() for intake in order}
            order = tuple(sorted(order, key=lambda intake: (instants[intake] is None, instants[intake] or 0)))
        for intake in order:
            if await intake.combine(flush=flush):
                return True
        return False

    async def finish(self) -> bool:
        """Whatever follows from what was taken in so far; False when nothing did."""
        ever = False
        while ready := await self._ready():
            moved = False
            for step in ready:
                while await step():
                    moved = ever = True
            if not moved:
                break
        return ever

    async def notify(self) -> None:
        """Tell the webhook, where there is one, what waits for a person; and prune, where it is time."""
        if self._webhook is not None:
            await self._webhook.step()
        while await self._pruner.step():
            pass

    async def _ready(self) -> list[Step]:
        """The steps that have something to do, in the order in which they are to be done."""
        now, owner = self._services.clock.now(), self._services.owner

        def look(tx: Transaction) -> tuple[bool, bool, bool, bool]:
            due = tx.runs.next_due()
            return (
                due is not None and due <= now,
                tx.runs.next_runnable(owner, now) is not None,
                tx.commands.next_ready(owner, now) is not None,
                tx.journal.unsent_count() > 0 or bool(tx.inbox.unpublished(1)),
            )

        steps = (self._timers, self._driver.step, self._executor.step, self._relay.step)
        ready = await self._services.ledger.read(look)
        return [step for step, has_work in zip(steps, ready, strict=True) if has_work]

    async def run_until_idle(self, on_progress: Callable[[], None] | None = None) -> None:
        """Read what there is, close the last panes, and finish what can be finished.

        With several workers each reads its share, and each leaves when all of them have read theirs. Partitions of a
        service, which does not end, are left to it once it has shown that it lives; a line of the log names them.
        Faults that pass are borne as `Patience` says.
        """
        for intake in self._intakes:
            intake.passing()
        patience, over = Patience(TRIES), False
        while not over:
            try:
                over = await self._round(on_progress)
            except (LedgerBusy, BrokerError) as fault:
                patience.bear(fault)
                await asyncio.sleep(RETRY_WAIT_S)
            else:
                patience.well()

    async def _round(self, on_progress: Callable[[], None] | None) -> bool:
        """Everything once; True when nothing is left."""
        seen = self._services.ledger.commits
        await self.settle()
        await self.finish()
        moved = await self.read(on_progress)
        await self.finish()
        if await self._combine_on(flush=False) or moved or await self._combine_on(flush=True):
            return False
        if await self._over():
            await self.drain()
            return True
        await self._services.ledger.changed(seen, IDLE_WAIT_S)
        return False

    async def _combine_on(self, *, flush: bool) -> bool:
        """Close panes step by step; what each step gave rise to is finished, here and elsewhere, before the next."""
        moved = False
        while await self.combine(flush=flush):
            moved = True
            await self.finish()
            while await self._services.ledger.read(lambda tx: _claimed(tx, self._services)):
                await self._services.ledger.changed(self._services.ledger.commits, IDLE_WAIT_S)
                await self.finish()
        return moved

    async def _over(self) -> bool:
        """Whether nothing is left that this worker could do or wait for; says what it leaves, and to whom."""
        found = [await intake.heirs() for intake in self._intakes if not await intake.done()]
        left: dict[str, list[str]] = {}
        for heirs in found:
            if heirs is None:
                return False
            for part, owner in heirs.items():
                left.setdefault(owner, []).append(part)
        if left:
            told = "; ".join(f"{', '.join(sorted(left[owner]))} to {owner}" for owner in sorted(left))
            _log.warning("not read to the end here, but left to who goes on with it: %s", told)
        return True

    async def serve(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then end what is under way and give back what is held."""
        bell, told = Bell(self._services.ledger), set[str]()

        def served(step: Step, *, eager: bool = False) -> None:
            tasks.create_task(_serve(step, bell, Patience(told=told), stop, eager=eager))

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(bell.listen(stop))
            served(self._relay.step, eager=True)
            for intake in self._intakes:
                served(partial(self._live, intake))
                served(partial(intake.combine, live=True))
            steps: list[Step] = [self._timers, self._driver.step, self._executor.step, self._pruner.step]
            for step in steps + ([self._webhook.step] if self._webhook else []):
                served(step)

    async def close(self) -> None:
        """Let what is under way end; give back leases and consumers. A busy ledger keeps leases until they run out."""
        closing = [self._driver.close, self._executor.close, *(each.close for each in self._intakes), self._relay.close]
        for close in closing:
            try:
                await close()
            except LedgerBusy as busy:
                _log.warning("%s; what this process holds is free for others when its leases end", busy)

    async def _timers(self) -> bool:
        ledger, now = self._services.ledger, self._services.clock.now()
        due = await ledger.read(lambda tx: tx.runs.next_due())
        if due is None or due > now:
            return False
        return await ledger.transact("timers", lambda tx: tx.runs.fire_due(now)) > 0

    async def _live(self, intake: Intake) -> bool:
        return await intake.step(self._batch, wait_s=IDLE_WAIT_S, live=True) or intake.owned


async def _serve(step: Step, bell: Bell, patience: Patience, stop: asyncio.Event, *, eager: bool) -> None:
    while not stop.is_set():
        heard = bell.heard(eager=eager)
        try:
            moved = await step()
        except (LedgerBusy, BrokerError) as fault:
            patience.bear(fault)
            await _at_most(stop.wait(), RETRY_WAIT_S)
            continue
        patience.well()
        if not moved:
            await bell.rings(heard, eager=eager)


async def _at_most(wait: Awaitable[object], seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await wait


async def drain(workers: Sequence[Worker]) -> None:
    """The barrier: workers that share a clock and a ledger work until nothing moves at this instant.

    Everything is read before anything is closed, and whatever follows from one closed pane is finished before the next
    one closes, by whichever worker. So partitions, batches and workers make no difference.
    """
    for worker in workers if len(workers) > 1 else ():
        await worker.renew()
    for _ in range(min(2, len(workers))):  # first all are heard of, then they share
        for worker in workers:
            await worker.settle()
    await _finish(workers)
    moved = True
    while moved:
        moved = any(await asyncio.gather(*(worker.read() for worker in workers)))
        await _finish(workers)
        while any([await worker.combine() for worker in workers]):
            moved = True
            await _finish(workers)
    for worker in workers:
        await worker.notify()


async def _finish(workers: Sequence[Worker]) -> None:
    if len(workers) == 1:
        await workers[0].finish()
        return
    while any(await asyncio.gather(*(worker.finish() for worker in workers))):
        pass


def _claimed(tx: Transaction, services: Services) -> bool:
    """Whether another worker has a run or a command under way."""
    now, owner = services.clock.now(), services.owner
    return tx.runs.claimed_elsewhere(owner, now) or tx.commands.claimed_elsewhere(owner, now)
