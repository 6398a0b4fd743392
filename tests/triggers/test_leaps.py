"""A stream with a wrong first event, or a gap in its history, through broker, counters, combiner and ledger."""

from pathlib import Path

import pytest

from contracts import DAY, HOUR, MINUTE, Event, encode_event
from tests.graphs.plant import START, Plant, manifest
from tests.triggers.station import Station, open_station, reading

BREAK = 45 * DAY // MINUTE
LOST = 8
GOOD = 60


def hourly(path: Path, now: int = START + 400 * DAY) -> Plant:
    """Panes of an hour, since thirty days of them are judged."""
    pack = manifest()
    measures = tuple(each.model_copy(update={"pane": HOUR}) for each in pack.measures)
    plant = Plant(path, pack.model_copy(update={"measures": measures}))
    plant.clock.move_to(now)
    return plant


def since_1970() -> bytes:
    return reading(-START / MINUTE)


async def dead(station: Station) -> dict[str, int]:
    found: dict[str, int] = await station.ledger.read(lambda tx: tx.inbox.dead_letter_count())
    return found


async def read_on(station: Station, batch: int) -> None:
    """As a service does, until nothing moves any more."""
    moved = True
    while moved:
        moved = await station.take(batch)


@pytest.mark.parametrize("batch", [1, 7, 500])
async def test_a_first_event_of_1970_does_not_bury_the_stream(tmp_path: Path, batch: int) -> None:
    async with open_station(hourly(tmp_path / "home")) as station:
        await station.publish(since_1970(), *(reading(10 * n) for n in range(GOOD)))
        await read_on(station, batch)
        assert await dead(station) == {"future": LOST}
        counters = await station.counters()
        assert (counters["events"], counters.get("late", 0)) == (1 + GOOD - LOST, 0)
        status = await station.intake.status()
        assert status.watermark == START + 10 * (GOOD - 1) * MINUTE
        assert counters["panes"] < 1.1 * 30 * 24, "fifty years are not judged pane by pane"


@pytest.mark.parametrize(("partitions", "workers"), [(1, 1), (4, 1), (4, 3)])
async def test_a_history_with_a_break_is_not_lost(tmp_path: Path, partitions: int, workers: int) -> None:
    async with open_station(hourly(tmp_path / "home"), partitions=partitions, workers=workers) as station:
        await station.publish(*(reading(10 * n) for n in range(GOOD)))
        await station.publish(*(reading(BREAK + 10 * n) for n in range(4 * GOOD)))
        await station.settle()
        assert await dead(station) == {"future": LOST * partitions}
        counters = await station.counters()
        assert counters["events"] == 5 * GOOD - LOST * partitions
        assert counters.get("late", 0) == 0
        assert (await station.intake.status()).watermark == START + (BREAK + 10 * (4 * GOOD - 1)) * MINUTE


def first_of_a_new_sender(minute: float) -> bytes:
    """Who counts from 1."""
    time = START + int(minute * MINUTE)
    data = {"bar": 4.0, "pump": "p1"}
    return encode_event(Event(id="1", source=f"/plant/{minute}", type="pump.read", time=time, data=data))


async def test_senders_with_ids_in_common_confirm_a_break(tmp_path: Path) -> None:
    async with open_station(hourly(tmp_path / "home")) as station:
        await station.publish(reading(0), *(first_of_a_new_sender(BREAK + 10 * n) for n in range(GOOD)))
        await read_on(station, 7)
        assert await dead(station) == {"future": LOST}
        assert (await station.counters())["events"] == 1 + GOOD - LOST


async def test_a_row_survives_the_process(tmp_path: Path) -> None:
    plant = hourly(tmp_path / "home")
    late_summer = [reading(BREAK + 10 * n) for n in range(LOST + 4)]
    async with open_station(plant) as station:
        await station.publish(reading(0), *late_summer)
        for _ in range(5):
            await station.take(1)
    plant.clock.move_to(plant.clock.now() + MINUTE)
    async with open_station(plant) as station:
        await read_on(station, 3)
        assert await dead(station) == {"future": LOST}
        assert (await station.counters())["events"] == 1 + 4


async def test_a_live_stream_that_was_silent_for_long_is_read_on(tmp_path: Path) -> None:
    """The combiner comes up to it, so that it does not wait for the combiner for ever."""
    plant = Plant(tmp_path / "home")
    async with open_station(plant) as station:
        await station.publish(reading(0))
        await station.take(10)
        plant.clock.move_to(START + BREAK * MINUTE)
        await station.publish(*(reading(BREAK + n) for n in range(3)))
        for _ in range(3):
            await station.take(1)
        assert (await station.counters())["events"] == 4


async def test_no_row_is_longer_than_our_own_clock_allows(tmp_path: Path) -> None:
    """What lies ahead of our clock is refused before, and confirms nothing."""
    async with open_station(hourly(tmp_path / "home", START + HOUR)) as station:
        await station.publish(reading(0), *(reading(BREAK + n) for n in range(5 * LOST)))
        await read_on(station, 7)
        assert await dead(station) == {"future": 5 * LOST}
        assert (await station.intake.status()).watermark == START
        letters = await station.ledger.read(lambda tx: tx.inbox.dead_letters(1))
        assert "ahead of our clock" in letters[0].reason
