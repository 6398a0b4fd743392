"""Driving a simulated world: publish a tick, make it durable, let everything that follows from it happen, go on.

A tick begins only when nothing of the one before is open (a barrier), so virtual time gives the same story on every
broker, with every batch size, and after a crash at any point. That a tick is settled is kept in the ledger: whoever
goes on after a crash knows by it whether the next tick's events may already be with the broker.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from contracts import Event, encode_event
from evals.operator import Operator
from evals.virtual_clock import VirtualClock
from ledger import Ledger
from triggers import Worker, drain
from triggers.brokers import Broker, Outgoing

PUBLISH_BATCH = 500
SETTLED = "world:settled"


class World(Protocol):
    """A simulated outside. `time` is the virtual instant (microseconds) at the end of the last durable tick."""

    @property
    def time(self) -> int: ...

    @property
    def ended(self) -> bool: ...

    def step(self) -> list[Event]:
        """The next tick's events; nothing durable changes, so that a crash before `commit` repeats them."""
        ...

    def commit(self) -> None:
        """Make the tick durable."""
        ...


class WorldDriver:
    """One world, one topic, the workers that share a ledger and the clock, and whoever plays the operator."""

    def __init__(
        self,
        world: World,
        topic: str,
        *,
        broker: Broker,
        ledger: Ledger,
        workers: Sequence[Worker],
        clock: VirtualClock,
        operator: Operator | None,
    ) -> None:
        self._world, self._topic, self._broker, self._ledger = world, topic, broker, ledger
        self._workers, self._clock, self._operator = tuple(workers), clock, operator

    async def run(self, on_tick: Callable[[], None] | None = None) -> None:
        """To the world's end; a world that was interrupted goes on where it stopped."""
        settled = await self._ledger.read(lambda tx: tx.docs.switch(SETTLED))
        if settled is None or settled["time"] < self._world.time:
            await self._settle()
        while not self._world.ended:
            await self._publish(self._world.step())
            self._world.commit()
            await self._settle()
            if on_tick is not None:
                on_tick()

    async def _publish(self, events: list[Event]) -> None:
        for start in range(0, len(events), PUBLISH_BATCH):
            batch = [Outgoing(encode_event(event), event.key) for event in events[start : start + PUBLISH_BATCH]]
            await self._broker.publish(self._topic, batch)

    async def _settle(self) -> None:
        """The barrier: everything that can happen at this instant has happened when this returns."""
        self._clock.move_to(self._world.time)
        await drain(self._workers)
        while self._operator is not None and await self._operator.act():
            await drain(self._workers)
        settled = {"time": self._world.time}
        await self._ledger.transact("world:settled", lambda tx: tx.docs.set_switch(SETTLED, settled))
