"""The plant with a broker: a worker's parts over real files, in virtual time."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from contracts import MINUTE, Event, encode_event
from evals.operator import Operator
from graphs import Services
from ledger import Ledger
from tests.graphs.plant import START, Plant, Process
from triggers import Intake, Relay, Worker, drain
from triggers.brokers import Broker, EmbeddedBroker, Message, Outgoing


def reading(minute: float, bar: float = 4.0, pump: str = "p1", **changes: object) -> bytes:
    """A reading on the wire; what changes replaces parts of the event's data."""
    time = START + int(minute * MINUTE)
    data = {"bar": bar, "pump": pump} | changes
    return encode_event(Event(id=f"{pump}-{minute}", source="/plant", type="pump.read", time=time, data=data))


@dataclass
class Station:
    """One process with a broker."""

    plant: Plant
    process: Process
    broker: Broker
    intake: Intake
    relay: Relay
    worker: Worker
    others: tuple["Station", ...] = ()
    published: int = 0

    @property
    def services(self) -> Services:
        return self.process.services

    @property
    def ledger(self) -> Ledger:
        return self.process.ledger

    async def publish(self, *payloads: bytes) -> None:
        """Each with a key of its own, so that the partitions share them."""
        keyed = [Outgoing(each, f"k{self.published + n}") for n, each in enumerate(payloads)]
        self.published += len(payloads)
        await self.broker.publish("pumps", keyed)

    async def tick(self, minute: int, bar: float) -> None:
        """One reading and all that follows, an operator's answers among it."""
        self.plant.clock.move_to(START + minute * MINUTE)
        await self.publish(reading(minute, bar))
        await self.settle()

    async def settle(self) -> None:
        workers = [self.worker, *(other.worker for other in self.others)]
        await drain(workers)
        while await Operator(self.ledger, self.plant.clock, self.plant.operator).act():
            await drain(workers)

    async def take(self, messages: int) -> bool:
        """One batch, and the panes that it closed; incidents are left alone."""
        moved = await self.intake.step(messages)
        while await self.intake.combine():
            pass
        return moved

    async def counters(self) -> dict[str, int]:
        found = await self.ledger.read(lambda tx: tx.docs.counters())
        return {name.removeprefix("monitor:plant:"): value for name, value in found.items() if name != "outbox"}

    async def received(self, topic: str) -> list[Message]:
        """All that was published to a topic."""
        if topic not in await self.broker.topics():
            return []
        consumer = await self.broker.subscribe(topic, "test")
        found: Sequence[Message] = await consumer.receive(10_000, wait=False)
        await consumer.close()
        return list(found)


async def backlog(station: Station) -> int:
    """Messages that are not acknowledged."""
    return await station.broker.backlog("pumps", "forestall.plant:pumps")


@asynccontextmanager
async def open_station(
    plant: Plant,
    wrap: Callable[[Ledger], Ledger] = lambda ledger: ledger,
    *,
    owner: str = "worker",
    batch: int = 500,
    wrap_broker: Callable[[Broker], Broker] = lambda broker: broker,
    partitions: int = 1,
    workers: int = 1,
) -> AsyncIterator[Station]:
    """Nothing is given back at the end but what a dying process gives back: its files.

    With several `workers` each has a ledger, a broker and leases of its own, and `settle` drains them together.
    """
    async with AsyncExitStack() as stack:
        process = plant.open(wrap, owner)
        stack.push_async_callback(process.close)
        opened = await EmbeddedBroker.open(plant.home / "broker.db", plant.clock, owner=owner)
        stack.push_async_callback(opened.close)
        if partitions > 1:
            await opened.create_topic("pumps", partitions)
        broker = wrap_broker(opened)
        intake = Intake(process.services, process.pack, plant.pack.streams[0], broker, "default")
        relay = Relay(process.services, broker)
        others = [
            await stack.enter_async_context(open_station(plant, owner=f"{owner}-{n}", batch=batch))
            for n in range(2, workers + 1)
        ]
        worker = Worker(process.services, [intake], relay, batch=batch)
        yield Station(plant, process, broker, intake, relay, worker, tuple(others))
