"""A message that our own code stumbles over: it becomes a dead letter, the others of its batch are counted."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agents.monitoring import Counted, Counter, Readings
from contracts import HOUR
from graphs import Incoming
from graphs.monitor import isolation
from graphs.monitor.isolation import IN_A_ROW
from graphs.reading import BatchReader, Screened
from ledger import LedgerBusy
from tests.graphs.plant import START, Plant
from tests.triggers.station import Station, backlog, open_station, reading

POISON = "poison"
TOGETHER = "together"


class Bug(Exception):
    """Of ours."""


class StumblingCounter(Counter):
    """The counter with a bug: there is a pump that it cannot count."""

    def count(self, readings: Readings, *rest: Any, **options: Any) -> Counted:
        pumps = [pump for (pump,) in map(readings.fields(["pump"]), readings.data)]
        if POISON in pumps:
            raise Bug("a pump that nobody thought of")
        if TOGETHER in pumps and len(pumps) > 1:
            raise Bug("two at once")
        return super().count(readings, *rest, **options)


class StumblingReader(BatchReader):
    """The reader with a bug: there are bytes that it cannot read."""

    def read(self, messages: Sequence[Incoming], now: int, payloads: Sequence[bytes] | None = None) -> Screened:
        if any(POISON.encode() in message.payload for message in messages):
            raise Bug("bytes that nobody thought of")
        return super().read(messages, now, payloads)


BUGS = {"count": ("Counter", StumblingCounter), "screen": ("BatchReader", StumblingReader)}


@pytest.fixture(params=BUGS)
def bug(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Partitions are made with such a part; what it does where it does not stumble is the real thing."""
    name, kind = BUGS[request.param]
    monkeypatch.setattr(f"graphs.monitor.counting.{name}", kind)
    return str(request.param)


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    made = Plant(tmp_path / "home")
    made.clock.move_to(START + 10 * HOUR)
    return made


def good(first: int, last: int) -> list[bytes]:
    return [reading(minute) for minute in range(first, last)]


def poison(*minutes: float) -> list[bytes]:
    return [reading(minute, pump=POISON) for minute in minutes]


async def letters(station: Station) -> list[tuple[str, str]]:
    found = await station.ledger.read(lambda tx: tx.inbox.dead_letters(1000))
    return [(each.code, each.payload.decode()) for each in reversed(found)]


async def read_on(station: Station, batch: int) -> None:
    while await station.take(batch):
        pass


async def story(station: Station) -> tuple[Any, ...]:
    """What was counted: events, judged panes, the partition's clock but for its place in the log."""

    def read(tx: Any) -> tuple[Any, ...]:
        (doc,) = tx.panes.partitions("plant", "pumps").values()
        docs = tx.docs.monitor("plant", "pumps")
        return docs, {name: doc[name] for name in ("first", "latest", "gaps", "unforeseen")}

    return (*await station.ledger.read(read), (await station.counters())["events"])


@pytest.mark.usefixtures("bug")
@pytest.mark.parametrize("batch", [1, 7, 500])
async def test_the_others_of_its_batch_are_counted_as_if_it_were_not_there(tmp_path: Path, batch: int) -> None:
    stories = []
    for name, extra in (("with", 1), ("without", 0)):
        plant = Plant(tmp_path / name)
        plant.clock.move_to(START + 10 * HOUR)
        async with open_station(plant) as station:
            bad = [poison(3.5), poison(5.1, 5.2, 5.3), poison(39.5)] if extra else [[], [], []]
            await station.publish(*good(0, 4), *bad[0], *good(4, 6), *bad[1], *good(6, 40), *bad[2], *good(40, 41))
            await read_on(station, batch)
            assert await backlog(station) == 0
            found = await letters(station)
            assert found == [("unforeseen", each.decode()) for group in bad for each in group]
            assert (await station.counters()).get("unforeseen", 0) == len(found)
            stories.append(await story(station))
    assert stories[0] == stories[1]
    assert stories[0][2] == 41


@pytest.mark.usefixtures("bug")
async def test_it_is_told_with_its_reason_and_one_traceback(plant: Plant, caplog: pytest.LogCaptureFixture) -> None:
    async with open_station(plant) as station:
        await station.publish(*good(0, 70), *poison(70, 71), *good(72, 150))
        with caplog.at_level(logging.WARNING):
            await read_on(station, 100)
        (found, *_) = await station.ledger.read(lambda tx: tx.inbox.dead_letters(1))
        assert found.reason.startswith("a fault of ours, which this message met: Bug: ")
        told = [record for record in caplog.records if record.exc_info]
        assert len(told) == 1
        assert "is a dead letter (unforeseen), like 1 more of 100" in told[0].getMessage()


@pytest.mark.usefixtures("bug")
async def test_without_isolation_the_stream_would_end_there(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""

    async def off(partition: Any, messages: Any, *, ended: bool, handled: int) -> Any:
        now = partition.services.clock.now()
        await partition.take_at_once(isolation.Batch(messages, now, ended, handled=handled))

    monkeypatch.setattr("graphs.monitor.counting.isolate", off)
    async with open_station(plant) as station:
        await station.publish(*good(0, 4), *poison(4), *good(5, 8))
        for _ in range(2):
            with pytest.raises(isolation.Unforeseen):
                await station.take(500)
        assert await backlog(station) == 8


@pytest.mark.usefixtures("bug")
async def test_a_fault_that_every_message_meets_stops_the_stream_and_buries_none(plant: Plant) -> None:
    async with open_station(plant) as station:
        await station.publish(*poison(*range(20)))
        for _ in range(2):
            with pytest.raises(Bug) as stopped:
                await station.take(500)
        assert "20 messages in a row met such a fault, and none was taken" in stopped.value.__notes__[0]
        assert (await letters(station), await backlog(station)) == ([], 20)


@pytest.mark.usefixtures("bug")
async def test_one_by_one_only_so_many_are_buried_restarts_or_not(plant: Plant) -> None:
    for process in range(4):
        async with open_station(plant, owner="same") as station:
            if process == 0:
                await station.publish(*poison(*range(20)))
            with pytest.raises(Bug):
                await read_on(station, 1 + process % 2)
            assert (len(await letters(station)), await backlog(station)) == (IN_A_ROW, 20 - IN_A_ROW)
            await station.intake.close()


async def test_without_the_bound_all_of_them_would_be(plant: Plant, bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    assert bug in BUGS
    monkeypatch.setattr(isolation, "IN_A_ROW", 1 << 30)
    async with open_station(plant) as station:
        await station.publish(*poison(*range(20)))
        await read_on(station, 500)
        assert len(await letters(station)) == 20


@pytest.mark.usefixtures("bug")
async def test_an_event_that_is_taken_begins_the_count_anew(plant: Plant) -> None:
    many = [minute / 100 for minute in range(IN_A_ROW)]
    async with open_station(plant) as station:
        await station.publish(*good(0, 1), *poison(*many), *good(1, 2), *poison(*many), *good(2, 3))
        await read_on(station, 1)
        assert len(await letters(station)) == 2 * IN_A_ROW
        assert (await station.counters())["events"] == 3


@pytest.mark.usefixtures("bug")
async def test_what_is_refused_or_seen_before_proves_nothing(plant: Plant) -> None:
    """It came past a part of our code only."""
    async with open_station(plant) as station:
        await station.publish(reading(0))
        await station.take(1)
        between = [b"no event", reading(0)]
        await station.publish(*(each for n in range(10) for each in (*poison(n), *between)))
        with pytest.raises(Bug):
            await read_on(station, 500)
        assert await letters(station) == []


@pytest.mark.usefixtures("bug")
async def test_a_long_row_is_buried_where_one_beside_it_is_taken(plant: Plant) -> None:
    async with open_station(plant) as station:
        await station.publish(*poison(*range(3 * IN_A_ROW)), *good(40, 41))
        await read_on(station, 500)
        assert len(await letters(station)) == 3 * IN_A_ROW
        assert (await station.counters())["events"] == 1


@pytest.fixture
def only_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug that two messages in one batch meet, and none alone."""
    monkeypatch.setattr("graphs.monitor.counting.Counter", StumblingCounter)


@pytest.mark.usefixtures("only_together")
async def test_a_batch_that_fails_only_as_a_whole_is_taken_by_halves(plant: Plant) -> None:
    async with open_station(plant) as station:
        await station.publish(*(reading(minute, pump=TOGETHER) for minute in range(9)))
        assert await station.take(500) is True
        assert (await letters(station), await backlog(station)) == ([], 0)
        counters = await station.counters()
        assert (counters["events"], counters.get("late", 0)) == (9, 0)


@pytest.mark.usefixtures("only_together")
@pytest.mark.parametrize("commits", range(8))
async def test_halves_of_which_one_could_not_be_written_are_counted_once(plant: Plant, commits: int) -> None:
    async with open_station(plant) as station:
        await station.publish(*(reading(minute, pump=TOGETHER) for minute in range(8)), *poison(8))
        real, left = station.ledger.transact, commits

        async def busy(label: str, work: Any) -> Any:
            nonlocal left
            if label == "intake":
                left -= 1
                if left < 0:
                    raise LedgerBusy("held")
            return await real(label, work)

        station.ledger.transact = busy  # type: ignore[method-assign]
        with pytest.raises(LedgerBusy):
            await station.take(500)
        assert await backlog(station) == 9, "nothing is acknowledged before all of it is written"
        station.ledger.transact = real  # type: ignore[method-assign]
        await read_on(station, 500)
        counters = await station.counters()
        assert (counters["events"], counters.get("late", 0), counters["unforeseen"]) == (8, 0, 1)
        assert (len(await letters(station)), await backlog(station)) == (1, 0)


async def test_what_a_transaction_raises_is_not_isolated(plant: Plant) -> None:
    async with open_station(plant) as station:
        await station.publish(*good(0, 4))
        real = station.ledger.transact

        async def broken(label: str, work: Any) -> Any:
            if label == "intake":
                raise Bug("in the commit")
            return await real(label, work)

        station.ledger.transact = broken  # type: ignore[method-assign]
        with pytest.raises(Bug, match="in the commit"):
            await station.take(500)
        station.ledger.transact = real  # type: ignore[method-assign]
        assert (await letters(station), await backlog(station)) == ([], 4)
