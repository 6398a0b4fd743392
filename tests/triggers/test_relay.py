"""The relay: every event of ours reaches its topic, in order, at least once, from one sender."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from contracts import decode_event
from evals.faults import Crash, CrashingLedger
from ledger import Routing, Transaction, record
from tests.graphs.plant import Plant
from tests.ledger.builders import note
from tests.triggers.station import Station, open_station
from triggers.brokers import AskOperator, Broker, Outgoing, RetryLater
from triggers.relay import BATCH_ROWS, HOLD_MICROS, LEASE_MICROS


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return Plant(tmp_path / "home")


async def write(station: Station, first: int, last: int, kind: str = "thing.seen") -> None:
    def work(tx: Transaction) -> None:
        for number in range(first, last):
            record(tx, Routing(webhook=True), note(number, kind, f"inc-{number % 2}"))

    await station.ledger.transact("write", work)


async def sent(station: Station, topic: str = "forestall.things") -> list[tuple[int, int]]:
    """(number, time) of what reached a topic."""
    return [
        (int(each.properties["forestall-number"]), decode_event(each.payload, tenant=None).time)
        for each in await station.received(topic)
    ]


async def test_events_reach_their_topics_in_order(plant: Plant) -> None:
    async with open_station(plant) as station:
        assert await station.relay.step() is False
        await write(station, 0, 3)
        await write(station, 3, 5, "other.seen")
        await write(station, 5, 6)
        assert await station.relay.step() is True
        assert await station.relay.step() is False
        assert await sent(station) == [(1, 0), (2, 1), (3, 2), (6, 5)]
        assert await sent(station, "forestall.others") == [(4, 3), (5, 4)]
        assert {each.key for each in await station.received("forestall.others")} == {"inc-0", "inc-1"}


async def test_more_than_a_batch(plant: Plant) -> None:
    async with open_station(plant) as station:
        await write(station, 0, BATCH_ROWS + 1)
        assert [await station.relay.step() for _ in range(3)] == [True, True, False]
        assert await sent(station) == [(number + 1, number) for number in range(BATCH_ROWS + 1)]


async def test_what_is_for_the_webhook_is_not_for_the_relay(plant: Plant) -> None:
    async with open_station(plant) as station:
        await write(station, 0, 1, "approval.requested")
        await station.relay.step()
        assert await station.ledger.read(lambda tx: tx.journal.unsent_count()) == 1
        assert await station.relay.step() is False


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", [1, 2, 3])
async def test_a_crash_anywhere_loses_nothing_and_keeps_numbers(plant: Plant, at: int, when: Any) -> None:
    """A row that was sent and not marked is sent again, under the number that it had."""
    async with open_station(plant) as station:
        await write(station, 0, 3)
    async with open_station(plant, lambda ledger: CrashingLedger(ledger, at, when)) as station:
        try:
            await station.relay.step()
        except Crash:
            pass
        else:
            assert at == 3
    async with open_station(plant) as station:
        await write(station, 3, 4)
        while await station.relay.step():
            pass
        found = await sent(station)
        assert sorted(set(found)) == [(1, 0), (2, 1), (3, 2), (4, 3)]
        again = 3 if (at, when) == (2, "before") else 0
        assert len(found) == 4 + again


class Broken:
    """A broker that fails for one topic, so many times."""

    def __init__(self, broker: Broker, topic: str, faults: int) -> None:
        self._broker, self._topic, self._faults = broker, topic, faults

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    async def publish(self, topic: str, payloads: Sequence[Outgoing]) -> list[str]:
        if topic == self._topic and self._faults:
            self._faults -= 1
            raise RetryLater("away")
        return await self._broker.publish(topic, payloads)


async def test_a_broker_that_is_away_loses_nothing(plant: Plant) -> None:
    def wrap(broker: Broker) -> Broker:
        return Broken(broker, "forestall.others", 1)

    async with open_station(plant, wrap_broker=wrap) as station:
        await write(station, 0, 1)
        await write(station, 1, 2, "other.seen")
        with pytest.raises(RetryLater):
            await station.relay.step()
        assert await station.relay.step() is True
        assert set(await sent(station)) == {(1, 0)}
        assert await sent(station, "forestall.others") == [(2, 1)]


async def test_one_relay_at_a_time(plant: Plant) -> None:
    async with open_station(plant) as first, open_station(plant, owner="other") as second:
        await write(first, 0, 1)
        assert await first.relay.step() is True
        await write(first, 1, 2)
        assert await second.relay.step() is False
        plant.clock.move_to(plant.clock.now() + LEASE_MICROS + 1)
        assert await second.relay.step() is True
        await write(first, 2, 3)
        assert await first.relay.step() is False
        await second.relay.close()
        assert await first.relay.step() is True
        assert await sent(first) == [(1, 0), (2, 1), (3, 2)]


async def test_who_was_held_up_marks_nothing(plant: Plant) -> None:
    """The first publishes late, after the second took over: the row is sent twice, and lost never."""
    late: list[Any] = []

    class Slow(Broken):
        async def publish(self, topic: str, payloads: Sequence[Outgoing]) -> list[str]:
            for each in late:
                await each()
            return await self._broker.publish(topic, payloads)

    def wrap(broker: Broker) -> Broker:
        return Slow(broker, "", 0)

    async with open_station(plant, wrap_broker=wrap) as first, open_station(plant, owner="other") as second:

        async def overtake() -> None:
            late.clear()
            plant.clock.move_to(plant.clock.now() + LEASE_MICROS + 1)
            assert await second.relay.step() is True

        await write(first, 0, 1)
        late.append(overtake)
        assert await first.relay.step() is False
        assert await sent(first) == [(1, 0), (1, 0)]
        assert await first.ledger.read(lambda tx: tx.journal.unsent_count("topic:")) == 0


async def test_dead_letters_go_to_their_topic_once_with_reason_and_origin(plant: Plant) -> None:
    async with open_station(plant) as station:
        await station.publish(b"no json", b"[]")
        await station.settle()
        found = await station.received("forestall.dead_letters")
        assert [each.payload for each in found] == [b"no json", b"[]"]
        told = dict(found[0].properties)
        assert (told["forestall-code"], told["forestall-topic"]) == ("malformed", "pumps")
        assert told["forestall-subscription"] == "forestall.plant:pumps"
        assert "not JSON" in told["forestall-reason"]
        assert await station.relay.step() is False


async def test_a_topic_that_is_away_does_not_hold_up_the_others(plant: Plant) -> None:
    """Nor are the rows that went out sent again."""

    def wrap(broker: Broker) -> Broker:
        return Broken(broker, "forestall.others", 2)

    async with open_station(plant, wrap_broker=wrap) as station:
        await write(station, 0, 1)
        await write(station, 1, 2, "other.seen")
        for _ in range(2):
            with pytest.raises(RetryLater):
                await station.relay.step()
        assert await station.relay.step() is True
        assert await sent(station) == [(1, 0)]
        assert await sent(station, "forestall.others") == [(2, 1)]


class Refusing(Broken):
    """Nobody may write that topic."""

    async def publish(self, topic: str, payloads: Sequence[Outgoing]) -> list[str]:
        if topic == self._topic and self._faults:
            self._faults -= 1
            raise AskOperator(f"topic {topic!r}: the broker does not let us produce")
        return await self._broker.publish(topic, payloads)


@pytest.mark.parametrize("refused", ["forestall.others", "forestall.dead_letters"])
async def test_a_topic_that_refuses_us_is_told_and_ends_nothing(
    refused: str, plant: Plant, caplog: pytest.LogCaptureFixture
) -> None:
    """What is for it waits in the ledger, more than a batch of it does not hold up the others, and then it goes out."""

    def wrap(broker: Broker) -> Broker:
        return Refusing(broker, refused, 2)

    async with open_station(plant, wrap_broker=wrap) as station:
        await station.publish(b"no json")
        await station.settle()
        for number in range(BATCH_ROWS + 1):
            await write(station, number, number + 1, "other.seen")
        await write(station, BATCH_ROWS + 1, BATCH_ROWS + 2)
        for _ in range(2):
            while await station.relay.step():
                pass
            assert len(await sent(station)) == 1
            assert len(await station.received(refused)) == 0
            plant.clock.move_to(plant.clock.now() + HOLD_MICROS + 1)
        while await station.relay.step():
            pass
        assert len(await sent(station, "forestall.others")) == BATCH_ROWS + 1
        assert len(await station.received("forestall.dead_letters")) == 1
    assert caplog.text.count("stays in the ledger") == 1
