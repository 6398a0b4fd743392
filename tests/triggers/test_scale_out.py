"""Partitions and workers: they share the load, and change nothing else."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from agents.monitoring import Counted, Floor
from contracts import HOUR, MINUTE, SECOND
from evals.faults import CountingLedger, Crash, CrashingLedger
from evals.operator import Habits
from graphs import PartitionMonitor, part_name
from ledger import Transaction
from ledger.leases import Leases
from tests.graphs.plant import HIGH, NORMAL, START, Plant, runbook
from tests.triggers.station import Station, open_station, reading
from triggers import drain
from triggers.brokers import BrokerError
from triggers.sharing import LEASE_MICROS

STORY = (NORMAL, HIGH, HIGH, HIGH, NORMAL, NORMAL, NORMAL, NORMAL)
EXPECTED = {"valve": ["open"], "crew": ["repair"], "horn": []}
PUMPS = ("p1", "p2", "p3")
SHAPES = [(1, 1), (4, 1), (1, 3), (4, 3)]
shapes = pytest.mark.parametrize(("partitions", "workers"), SHAPES)


def new_plant(home: Path) -> Plant:
    plant = Plant(home, book=runbook("move_valve", "call_crew"))
    plant.operator = Habits(answers_after=MINUTE, ceiling=None)
    return plant


def owned(station: Station) -> list[int]:
    """How many partitions each worker reads."""
    return [len(each.intake._partitions) for each in (station, *station.others)]


async def publish(station: Station, minutes: range) -> None:
    """Three pumps, the first of which bursts; the readings of a minute lie in any partition."""
    for minute in minutes:
        bar = STORY[minute] if minute < len(STORY) else NORMAL
        await station.publish(*(reading(minute + n / 10, bar if n == 0 else NORMAL, p) for n, p in enumerate(PUMPS)))


async def play(station: Station, begun: int = 0) -> str:
    for minute in range(begun, len(STORY)):
        station.plant.clock.move_to(START + (minute + 1) * MINUTE - 1)
        await publish(station, range(minute, minute + 1))
        await station.settle()
    return await station.process.digest()


async def played(home: Path, partitions: int, workers: int, batch: int = 500) -> tuple[str, dict[str, list[str]]]:
    plant = new_plant(home)
    async with open_station(plant, partitions=partitions, workers=workers, batch=batch) as station:
        return await play(station), plant.effects()


@shapes
@pytest.mark.parametrize("batch", [1, 500])
async def test_a_story_ends_the_same(tmp_path: Path, partitions: int, workers: int, batch: int) -> None:
    digest, effects = await played(tmp_path / "one", 1, 1)
    assert effects == EXPECTED
    assert await played(tmp_path / "many", partitions, workers, batch) == (digest, EXPECTED)


@shapes
async def test_everything_at_once_ends_the_same(tmp_path: Path, partitions: int, workers: int) -> None:
    found = []
    for number, shape in enumerate([(1, 1), (partitions, workers)]):
        plant = new_plant(tmp_path / str(number))
        plant.clock.move_to(START + HOUR)
        async with open_station(plant, partitions=shape[0], workers=shape[1], batch=5) as station:
            await publish(station, range(20))
            await station.settle()
            found.append((await station.process.digest(), (await station.counters())["events"]))
    assert found[0] == found[1]
    assert found[0][1] == 60


@shapes
async def test_until_idle_all_leave_when_everything_is_read_and_closed(
    tmp_path: Path, partitions: int, workers: int
) -> None:
    """Workers side by side, each of which leaves by itself; the digest is that of one alone."""
    found = []
    for number, shape in enumerate([(1, 1), (partitions, workers)]):
        plant = new_plant(tmp_path / str(number))
        plant.clock.move_to(START + HOUR)
        async with open_station(plant, partitions=shape[0], workers=shape[1], batch=3) as station:
            await publish(station, range(20))
            async with asyncio.timeout(60):
                await asyncio.gather(*(each.worker.run_until_idle() for each in (station, *station.others)))
            counters = await station.counters()
            found.append((await station.process.digest(), counters["events"], counters["panes"], counters["signals"]))
    assert found[0] == found[1]
    assert found[0][1:] == (60, 60, 1)


async def test_partitions_are_shared_fairly_and_taken_over(tmp_path: Path) -> None:
    plant = new_plant(tmp_path / "home")
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(open_station(plant, owner="a", partitions=4))
        await drain([first.worker])
        assert owned(first) == [4]
        second = await stack.enter_async_context(open_station(plant, owner="b"))
        third = await stack.enter_async_context(open_station(plant, owner="c"))
        plant.clock.move_to(plant.clock.now() + 2 * SECOND)
        await drain([first.worker, second.worker, third.worker])
        await drain([first.worker, second.worker, third.worker])
        shares = [owned(each)[0] for each in (first, second, third)]
        assert sorted(shares) == [1, 1, 2]
        plant.clock.move_to(plant.clock.now() + 10 * SECOND)
        await drain([first.worker, second.worker, third.worker])
        assert [owned(each)[0] for each in (first, second, third)] == shares, "nobody changes for nothing"
        await third.worker.close()
        for _ in range(2):
            await drain([first.worker, second.worker])
        assert [owned(each)[0] for each in (first, second)] == [2, 2]
        await first.broker.close()
        plant.clock.move_to(plant.clock.now() + LEASE_MICROS + 1)
        await drain([second.worker])
        assert owned(second) == [4], "who is not heard of any more is taken over from"


async def test_a_partition_that_nobody_reads_holds_the_others_back(tmp_path: Path) -> None:
    """Its worker died: what it would have brought must not come too late."""
    plant = new_plant(tmp_path / "home")
    plant.clock.move_to(START + HOUR)
    async with open_station(plant, owner="a", partitions=2) as first, open_station(plant, owner="b") as second:
        for each in (first, second, first, second):
            await each.intake.settle()
        assert [owned(each) for each in (first, second)] == [[1], [1]]
        await publish(first, range(10))
        while await first.intake.step(100):
            pass
        assert await first.intake.combine() is False
        await second.broker.close()
        plant.clock.move_to(plant.clock.now() + LEASE_MICROS + 1)
        await drain([first.worker])
        assert (await first.counters())["events"] == 30
        assert "late" not in await first.counters()


async def test_a_partition_far_ahead_pauses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of open panes are bounded; whoever is behind catches up, and all is counted."""
    monkeypatch.setattr("triggers.partition.RUN_AHEAD_PANES", 3)
    plant = new_plant(tmp_path / "home")
    plant.clock.move_to(START + HOUR)
    async with open_station(plant, partitions=2, batch=2) as station:
        await publish(station, range(30))
        await station.intake.settle()
        while await station.intake.step(2):
            pass
        assert (await station.counters())["events"] < 40
        await station.settle()
        assert (await station.counters())["events"] == 90
        assert "late" not in await station.counters()


@pytest.mark.parametrize("workers", [1, 3])
async def test_a_crash_at_the_commit_points_of_a_worker(tmp_path: Path, workers: int) -> None:
    """One crash a label; the others are gone with it, and everything is built anew over the same files."""
    counted: list[CountingLedger] = []

    def count(ledger: Any) -> Any:
        counted.append(CountingLedger(ledger))
        return counted[0]

    async with open_station(new_plant(tmp_path / "one"), count, partitions=4, workers=workers) as station:
        digest = await play(station)
    labels = counted[0].labels
    assert {"lease:acquire", "partitions", "intake", "combine"} <= set(labels)
    for label in sorted({"intake", "combine"} if workers > 1 else set(labels)):
        last = len(labels) - labels[::-1].index(label)
        for when in ("before", "after"):
            plant = new_plant(tmp_path / f"{label.replace(':', '-')}-{when}")
            wrap = lambda ledger, last=last, when=when: CrashingLedger(ledger, last, when)  # noqa: E731
            async with open_station(plant, wrap, partitions=4, workers=workers) as station:
                with suppress(Crash):  # side by side, another one may do that step
                    await play(station)
                begun = (plant.clock.now() - START) // MINUTE
            async with open_station(plant, partitions=4, workers=workers) as station:
                await station.settle()
                assert await play(station, begun + 1) == digest, (label, when)
                assert plant.effects() == EXPECTED, (label, when)


async def between(station: Station, label: str, what: Callable[[], Awaitable[Any]]) -> None:
    """Do something between a step's reading and its commit, once."""
    real, begun = station.ledger.transact, False

    async def late(name: str, work: Any) -> Any:
        nonlocal begun
        if name == label and not begun:
            begun = True
            await what()
        return await real(name, work)

    station.ledger.transact = late  # type: ignore[method-assign]


async def floor_moved(home: Path) -> dict[str, int]:
    """A pane is closed after a batch was counted into it, and before the batch is committed."""
    plant = new_plant(home)
    plant.clock.move_to(START + HOUR)
    async with open_station(plant) as station:
        await station.publish(reading(0), reading(0.5))
        await station.intake.step(10)
        await station.publish(reading(0.6))

        async def close() -> None:
            await station.intake.combine(flush=True)

        await between(station, "intake", close)
        await station.intake.step(10)
        return await station.counters() | {"parts": await station.ledger.read(lambda tx: tx.panes.size())}


@pytest.mark.parametrize("looks", [True, False])
async def test_a_batch_is_counted_again_when_a_pane_was_closed_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looks: bool
) -> None:
    """Behind a look at the ledger, or by what was known of it at the commit before."""
    if looks:
        monkeypatch.setattr(PartitionMonitor, "followed", lambda *_: None)
    assert await floor_moved(tmp_path / "one") == {"events": 3, "panes": 1, "late": 1, "parts": 0}
    monkeypatch.setattr(Counted, "below", lambda *_: False)
    if not looks:
        assert await floor_moved(tmp_path / "still") == {"events": 3, "panes": 1, "late": 1, "parts": 0}
        monkeypatch.setattr(Floor, "counts_alike", lambda *_: True)
    lost = await floor_moved(tmp_path / "control")
    assert lost == {"events": 3, "panes": 1, "parts": 1}, "the control: an event that is in no pane, and nobody knows"


async def parts_moved(home: Path) -> tuple[dict[str, int], list[Any]]:
    """An event is counted into a pane after the pane was read, and before it is closed."""
    plant = new_plant(home)
    plant.clock.move_to(START + HOUR)
    async with open_station(plant) as station:
        await station.publish(reading(0, 4.0), reading(0.5, 6.0))
        await station.intake.step(10)
        await station.publish(reading(0.6, 11.0))

        async def count() -> None:
            await station.intake.step(10)

        await between(station, "combine", count)
        await station.intake.combine(flush=True)
        judged = await station.services.recent("plant", "pressure", "burst", "p1")
        return await station.counters(), [each.value for each in judged]


async def test_a_pane_is_closed_again_when_an_event_came_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await parts_moved(tmp_path / "one") == ({"events": 3, "panes": 1}, [7.0])
    monkeypatch.setattr("graphs.monitor.combining.moved_since", lambda *_: False)
    assert await parts_moved(tmp_path / "control") == ({"events": 3, "panes": 1}, [5.0]), "the control loses it"


async def zombie(home: Path, label: str) -> tuple[dict[str, int], bool]:
    """A worker is held up before its commit; another has taken over by the time it goes on."""
    plant = new_plant(home)
    plant.clock.move_to(START + HOUR)
    async with open_station(plant, owner="a") as first, open_station(plant, owner="b") as second:
        await first.publish(reading(0), reading(1))
        if label == "combine":
            assert await first.intake.step(10) is True

        async def take_over() -> None:
            # The broker takes it for dead, too.
            await first.intake._partitions["pumps#0"].consumer.close()
            plant.clock.move_to(plant.clock.now() + LEASE_MICROS + 1)
            await second.worker.drain()

        await between(first, label, take_over)
        with suppress(BrokerError):
            await (first.intake.step(10) if label == "intake" else first.intake.combine())
        return await first.counters(), first.intake.owned


@pytest.mark.parametrize("label", ["intake", "combine"])
async def test_a_zombie_commits_nothing(tmp_path: Path, label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    counters, _ = await zombie(tmp_path / "one", label)
    assert counters == {"events": 2, "panes": 1}
    real = Leases.fence

    def blind(leases: Leases, lease: Any) -> None:
        if lease.name.startswith("run"):
            real(leases, lease)

    monkeypatch.setattr(Leases, "fence", blind)
    monkeypatch.setattr("ledger.inbox.Inbox._assert_new", lambda *_: None)
    monkeypatch.setattr("graphs.monitor.combining.moved_since", lambda *_: False)
    counters, _ = await zombie(tmp_path / "control", label)
    assert counters != {"events": 2, "panes": 1}, "the control: without the fence it is done twice"


async def test_new_partitions_are_found(tmp_path: Path) -> None:
    plant = new_plant(tmp_path / "home")
    async with open_station(plant) as station:
        await drain([station.worker])

        def parts(tx: Transaction) -> list[str]:
            return list(tx.panes.partitions("plant", "pumps"))

        assert await station.ledger.read(parts) == [part_name("pumps", 0)]
        (status,) = await station.worker.status()
        assert (status.owned, status.ended, status.watermark, status.combines) == (
            ("pumps#0",),
            ("pumps#0",),
            None,
            True,
        )
