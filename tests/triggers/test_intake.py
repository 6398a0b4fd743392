"""Intake: from a broker into the ledger, once, by one owner, acknowledged only after the commit."""

from pathlib import Path
from typing import Any

import pytest

from contracts import DAY, HOUR, MINUTE, SECOND, encode_event
from evals.faults import Crash, CrashingLedger
from graphs.monitor.combining import IDLE_GRACE
from graphs.screening import EVENT_MAX_BYTES
from ledger import LedgerBusy, Transaction
from tests.graphs.plant import START, Plant, manifest
from tests.ledger.builders import note
from tests.triggers.station import Station, backlog, open_station, reading
from triggers.sharing import LEASE_MICROS


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    made = Plant(tmp_path / "home")
    made.clock.move_to(START + HOUR)
    return made


async def panes(station: Station) -> list[Any]:
    judged = await station.services.recent("plant", "pressure", "burst", "p1")
    return [((each.start - START) // MINUTE, each.value) for each in judged]


async def test_a_batch_is_taken_and_acknowledged(plant: Plant) -> None:
    async with open_station(plant) as station:
        await station.publish(*(reading(minute) for minute in range(5)))
        assert await station.take(3) is True
        assert await backlog(station) == 2
        assert await station.take(3) is True
        assert await station.take(3) is False
        assert await backlog(station) == 0
        assert await station.counters() == {"events": 5, "panes": 4}
        assert await panes(station) == [(0, 4.0), (1, 4.0), (2, 4.0), (3, 4.0)]


async def test_the_same_event_counts_once(plant: Plant) -> None:
    async with open_station(plant) as station:
        await station.publish(reading(0), reading(0), reading(1))
        await station.publish(reading(0), reading(2))
        while await station.take(3):
            pass
        assert await station.counters() == {"events": 3, "duplicates": 2, "panes": 2}


async def test_what_cannot_be_taken_is_kept_and_blocks_nothing(plant: Plant) -> None:
    stranger = encode_event(note(START, "thing.seen"))
    bad = [
        b"no json",
        b"x" * (EVENT_MAX_BYTES + 1),
        stranger,
        reading(61 + 5),
        reading(0.1, bar="high"),  # type: ignore[arg-type]
        reading(0, pump=""),
    ]
    async with open_station(plant) as station:
        await station.publish(reading(0), *bad, reading(0, 9.0), reading(1))
        while await station.take(100):
            pass
        assert await backlog(station) == 0
        letters = await station.ledger.read(lambda tx: tx.inbox.dead_letters())
        assert [each.code for each in reversed(letters)] == [
            "malformed", "too_large", "unknown_type", "future", "id_reused", "missing_key", "missing_key",
        ]  # fmt: skip
        assert all(each.reason for each in letters)
        assert (await station.counters())["dead_letters"] == 7
        assert await panes(station) == [(0, 4.0)]


async def test_nothing_is_acknowledged_before_the_commit(plant: Plant) -> None:
    async with open_station(plant, lambda ledger: CrashingLedger(ledger, 3, "before")) as station:
        await station.publish(reading(0), reading(1))
        with pytest.raises(Crash):
            await station.take(10)
        assert await backlog(station) == 2
    async with open_station(plant) as station:
        assert await station.take(10) is True
        assert await station.counters() == {"events": 2, "panes": 1}


async def test_a_crash_between_commit_and_acknowledgement_counts_nothing_twice(plant: Plant) -> None:
    async with open_station(plant, lambda ledger: CrashingLedger(ledger, 3, "after")) as station:
        await station.publish(reading(0), reading(1), b"no json")
        with pytest.raises(Crash):
            await station.take(10)
        assert await backlog(station) == 3
    async with open_station(plant) as station:
        assert await station.take(10) is True
        assert await backlog(station) == 0
        assert await station.counters() == {"events": 2, "panes": 1, "duplicates": 3, "dead_letters": 1}


async def test_a_busy_ledger_gives_the_batch_back(plant: Plant) -> None:
    async with open_station(plant) as station:
        await station.publish(reading(0), reading(1))
        real = station.ledger.transact

        async def busy(label: str, work: Any) -> Any:
            if label == "intake":
                raise LedgerBusy("held")
            return await real(label, work)

        station.ledger.transact = busy  # type: ignore[method-assign]
        with pytest.raises(LedgerBusy):
            await station.take(10)
        station.ledger.transact = real  # type: ignore[method-assign]
        assert await backlog(station) == 2
        assert await station.take(10) is True
        assert await station.counters() == {"events": 2, "panes": 1}


async def test_a_stream_has_one_owner(plant: Plant) -> None:
    async with open_station(plant) as first, open_station(plant, owner="other") as second:
        await first.publish(reading(0))
        assert await first.take(10) is True
        await first.publish(reading(1))
        assert await second.take(10) is False
        assert (first.intake.owned, second.intake.owned) == (True, False)
        await first.intake.close()
        assert await second.take(10) is True


async def test_who_lost_the_stream_stands_by(plant: Plant) -> None:
    """The first is held up between reading and writing; the second has taken over meanwhile."""
    async with open_station(plant) as first, open_station(plant, owner="other") as second:
        await first.publish(reading(0))
        assert await first.take(10) is True

        async def take_over() -> None:
            plant.clock.move_to(plant.clock.now() + LEASE_MICROS + 1)
            await second.take(10)

        await first.publish(reading(1))
        real, begun = first.ledger.transact, False

        async def late(label: str, work: Any) -> Any:
            nonlocal begun
            if label == "intake" and not begun:
                begun = True
                await take_over()
            return await real(label, work)

        first.ledger.transact = late  # type: ignore[method-assign]
        await first.take(10)
        assert (first.intake.owned, second.intake.owned) == (False, True)
        assert await second.take(10) is True
        assert (await second.counters())["events"] == 2
        assert await first.take(10) is False


async def steal(station: Station, name: str) -> None:
    now = station.plant.clock.now()

    def take(tx: Transaction) -> None:
        assert tx.leases.acquire(name, "worker", now, LEASE_MICROS) is not None

    await station.ledger.transact("steal", take)


async def test_who_lost_the_stream_while_it_was_idle_stands_by_too(plant: Plant) -> None:
    async with open_station(plant) as first:
        await first.publish(reading(59))
        assert await first.take(10) is True
        plant.clock.move_to(plant.clock.now() + 5 * SECOND)
        await steal(first, "partition:forestall.plant:pumps#pumps#0")
        await first.intake.settle()
        assert first.intake.owned is True, "its own name takes over again"
        assert await first.intake.step(10) is False


async def test_a_combiner_that_lost_its_lease_writes_nothing(plant: Plant) -> None:
    async with open_station(plant) as first:
        await first.publish(reading(0), reading(1))
        assert await first.intake.step(10) is True
        await steal(first, "combiner:forestall.plant:pumps")
        assert await first.intake.combine() is False
        assert await panes(first) == []
        plant.clock.move_to(plant.clock.now() + 2 * SECOND)
        assert await first.take(10) is False
        assert await panes(first) == [(0, 4.0)]


async def test_a_lease_is_renewed_in_time(plant: Plant) -> None:
    async with open_station(plant) as station, open_station(plant, owner="other") as second:
        for minute in range(6):
            await station.publish(reading(minute))
            assert await station.take(10) is True
            plant.clock.move_to(plant.clock.now() + LEASE_MICROS // 2)
            assert await second.take(10) is False


async def test_a_silent_live_stream_follows_the_clock(plant: Plant) -> None:
    async with open_station(plant) as station:
        await station.publish(reading(59), reading(60))
        assert await station.intake.step(10, live=True) is True
        while await station.intake.combine(live=True):
            pass
        assert await panes(station) == [(59, 4.0)]
        plant.clock.move_to(plant.clock.now() + IDLE_GRACE + 2 * MINUTE)
        assert await station.intake.step(10, live=True) is False
        while await station.intake.combine(live=True):
            pass
        assert await panes(station) == [(59, 4.0), (60, 4.0), (61, None)]


async def test_a_silent_stream_of_long_panes_follows_the_clock(tmp_path: Path) -> None:
    """A pane of three hours ends long after its last event; with the lag of short ones it would never be closed."""
    pack = manifest()
    long = tuple(each.model_copy(update={"pane": 3 * HOUR}) for each in pack.measures)
    plant = Plant(tmp_path / "long", pack.model_copy(update={"measures": long}))
    async with open_station(plant) as station:
        await station.publish(reading(0))
        await station.intake.step(10, live=True)
        for _ in range(7):
            plant.clock.move_to(plant.clock.now() + HOUR)
            await station.intake.step(10, live=True)
            while await station.intake.combine(live=True):
                pass
        assert [value for _, value in await panes(station)] == [4.0, None]


async def test_a_stream_that_was_silent_for_long_goes_on(plant: Plant) -> None:
    async with open_station(plant) as station:
        await station.publish(reading(60))
        await station.take(10)
        plant.clock.move_to(plant.clock.now() + 40 * DAY)
        await station.publish(reading(60 + 40 * DAY // MINUTE))
        await station.take(10)
        assert (await station.counters())["events"] == 2


async def test_history_waits_for_its_next_event(plant: Plant) -> None:
    plant.clock.move_to(plant.clock.now() + 24 * HOUR)
    async with open_station(plant) as station:
        await station.publish(reading(0), reading(1))
        await station.take(10)
        assert await station.intake.combine(live=True) is False
        assert await panes(station) == [(0, 4.0)]
        assert await station.intake.step(10) is False
        assert await station.intake.combine(flush=True) is True
        assert await panes(station) == [(0, 4.0), (1, 4.0)]
