"""What is fetched ahead of what is taken: order, failure, cancellation, giving back, and one acknowledgement each."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from contracts import HOUR, MINUTE
from graphs import Incoming, PartitionMonitor, Screened
from graphs.reading import BatchReader
from ledger import LedgerBusy, Transaction
from tests.graphs.plant import HIGH, START, Plant
from tests.triggers.station import Station, backlog, open_station, reading
from triggers.brokers import Broker, Consumer, Message


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    made = Plant(tmp_path / "home")
    made.clock.move_to(START + HOUR)
    return made


class Counting:
    """A broker that keeps count of what is acknowledged, message by message."""

    def __init__(self, broker: Broker) -> None:
        self._broker, self.acked = broker, list[str]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    async def subscribe(self, topic: str, subscription: str, **options: Any) -> Consumer:
        consumer = await self._broker.subscribe(topic, subscription, **options)
        real = consumer.ack

        async def ack(messages: Sequence[Message]) -> None:
            self.acked += [each.message_id for each in messages]
            await real(messages)

        consumer.ack = ack  # type: ignore[method-assign]
        return consumer


async def test_what_was_acknowledged_is_acknowledged_once(plant: Plant) -> None:
    counting: list[Counting] = []

    def wrap(broker: Broker) -> Broker:
        counting.append(Counting(broker))
        return counting[0]

    async with open_station(plant, wrap_broker=wrap) as station:
        await station.publish(*(reading(minute, HIGH) for minute in range(6)))
        while await station.take(4):
            pass
        assert await backlog(station) == 0
        assert len(counting[0].acked) == len(set(counting[0].acked)) == 6
        assert (await station.counters())["events"] == 6


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three messages are a backlog already."""
    monkeypatch.setattr("triggers.partition.BACKLOG", 3)


async def all_of(station: Station) -> None:
    while await station.take(3):
        pass
    counters = await station.counters()
    assert (counters["events"], counters.get("late", 0)) == (7, 0), "each once, in order"
    assert await backlog(station) == 0


@pytest.mark.usefixtures("small")
async def test_the_next_batch_is_fetched_while_one_is_taken(plant: Plant) -> None:
    async with open_station(plant) as station:
        await station.publish(*(reading(minute) for minute in range(7)))
        assert await station.take(3) is True
        assert await backlog(station) == 4, "what is fetched is not acknowledged"
        (partition,) = station.intake._partitions.values()
        assert partition._fetching is not None
        await all_of(station)
        assert partition._fetching is None


@pytest.mark.usefixtures("small")
async def test_what_was_fetched_is_given_back_at_the_end(plant: Plant) -> None:
    async with open_station(plant) as station:
        await station.publish(*(reading(minute) for minute in range(7)))
        assert await station.take(3) is True
        await station.intake.close()
        await all_of(station)
        assert "duplicates" not in await station.counters()


@pytest.mark.usefixtures("small")
async def test_a_batch_that_failed_comes_before_what_was_fetched(plant: Plant) -> None:
    async with open_station(plant) as station:
        await station.publish(*(reading(minute) for minute in range(7)))
        real = station.ledger.transact

        async def busy(label: str, work: Any) -> Any:
            if label == "intake":
                raise LedgerBusy("held")
            return await real(label, work)

        station.ledger.transact = busy  # type: ignore[method-assign]
        for _ in range(3):
            with pytest.raises(LedgerBusy):
                await station.take(3)
        (partition,) = station.intake._partitions.values()
        assert len(partition._held) == 3, "it does not grow"
        station.ledger.transact = real  # type: ignore[method-assign]
        await all_of(station)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("steps", range(0, 60, 3))
async def test_a_step_that_is_cancelled_loses_nothing(plant: Plant, steps: int) -> None:
    async with open_station(plant) as station:
        await station.publish(*(reading(minute) for minute in range(7)))
        await station.take(1)
        cancelled = asyncio.create_task(station.take(3))
        for _ in range(steps):
            await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.gather(cancelled, return_exceptions=True)
        await all_of(station)


@pytest.mark.usefixtures("small")
async def test_what_lay_too_far_ahead_when_it_was_fetched_may_be_in_time_when_it_is_taken(plant: Plant) -> None:
    ahead = 6 * 60
    async with open_station(plant) as station:
        await station.publish(*(reading(minute) for minute in range(3)), reading(3), reading(ahead))
        assert await station.take(3) is True
        (partition,) = station.intake._partitions.values()
        assert partition._fetching is not None
        _, screened = await partition._fetching
        assert screened is not None
        assert len(screened.dead) == 1, "the control: it would have been refused"
        plant.clock.move_to(START + ahead * MINUTE)
        assert await station.take(3) is True
        counters = await station.counters()
        assert (counters["events"], counters.get("dead_letters", 0)) == (5, 0)


async def order_of(plant: Plant, monkeypatch: pytest.MonkeyPatch, *, hold: bool) -> list[str]:
    """Readings of batches, and the work of their transactions, in the order in which they begin or end.

    Where nothing holds the readings back, the first transaction takes as long as the second reading lets it.
    """
    found: list[str] = []
    second = threading.Event()
    read, commit = BatchReader.read, PartitionMonitor.commit

    def reads(reader: BatchReader, messages: Sequence[Incoming], *rest: Any) -> Screened:
        found.append(f"read {len(messages)}")
        if len(found) > 1:
            second.set()
        return read(reader, messages, *rest)

    def commits(monitor: PartitionMonitor, tx: Transaction, batch: Any) -> int:
        done = commit(monitor, tx, batch)
        assert hold or second.wait(60)
        found.append(f"wrote {len(batch.messages)}")
        return done

    async with open_station(plant) as station:
        await station.publish(reading(0))
        assert await station.take(1) is True
        (partition,) = station.intake._partitions.values()
        if not hold:
            monkeypatch.setattr(partition.monitor.counted, "clear", lambda: None)
        monkeypatch.setattr(BatchReader, "read", reads)
        monkeypatch.setattr(PartitionMonitor, "commit", commits)
        await station.publish(*(reading(minute) for minute in range(1, 12)))
        while await station.take(4):
            pass
    return found


@pytest.mark.usefixtures("small")
async def test_the_next_batch_is_read_while_the_disk_works_and_not_while_we_do(
    plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        order = await order_of(plant, patch, hold=True)
    assert order[:6] == ["read 4", "wrote 4", "read 4", "wrote 4", "read 3", "wrote 3"]
    other = Plant(tmp_path / "control")
    other.clock.move_to(START + HOUR)
    with monkeypatch.context() as patch:
        order = await order_of(other, patch, hold=False)
    assert order[:3] == ["read 4", "read 4", "wrote 4"], "the control"
