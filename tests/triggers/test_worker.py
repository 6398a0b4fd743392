"""The worker: everything of one process, drained in virtual time or served live."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts import MINUTE, Decision, Event, decode_event
from evals.faults import CountingLedger, Crash, CrashingLedger
from evals.operator import Habits
from ledger import LedgerBusy, LedgerFull
from tests.graphs.plant import HIGH, NORMAL, START, Plant, runbook
from tests.triggers.station import Station, open_station, reading

STORY = (NORMAL, HIGH, HIGH, HIGH, NORMAL, NORMAL, NORMAL, NORMAL)
EXPECTED = {"valve": ["open"], "crew": ["repair"], "horn": []}


def new_plant(home: Path) -> Plant:
    plant = Plant(home, book=runbook("move_valve", "call_crew"))
    plant.operator = Habits(answers_after=MINUTE, ceiling=None)
    return plant


async def play(station: Station, begun: int = 0) -> None:
    for minute in range(begun, len(STORY)):
        await station.tick(minute, STORY[minute])


async def told(station: Station) -> list[str]:
    """The ids of the decisions that reached their topic."""
    return [decode_event(each.payload, tenant=None).id for each in await station.received("forestall.decisions")]


async def test_a_whole_story(tmp_path: Path) -> None:
    plant = new_plant(tmp_path / "home")
    async with open_station(plant) as station:
        await play(station)
        found = await station.process.incident()
        assert (found["status"], found["credit"]) == ("resolved", "success")
        assert plant.effects() == EXPECTED
        assert len(await told(station)) == len(await station.process.decisions())
        assert set(await station.broker.topics()) >= {"pumps", "forestall.incidents", "forestall.commands"}
        assert await station.ledger.read(lambda tx: tx.journal.unsent_count()) == 0


async def events(station: Station) -> list[Event]:
    """All decisions, as they are in the journal."""
    return await station.ledger.read(lambda tx: tx.journal.events(type_prefix="forestall.decision.made"))


@pytest.mark.parametrize("batch", [1, 2, 100])
async def test_the_batch_decides_nothing(tmp_path: Path, batch: int) -> None:
    """All readings are there from the beginning, and are read in batches of any size."""
    digests: list[str] = []
    for size in (7, batch):
        plant = new_plant(tmp_path / str(len(digests)))
        plant.clock.move_to(START + 60 * MINUTE)
        async with open_station(plant, batch=size) as station:
            await station.publish(*(reading(minute, bar) for minute, bar in enumerate(STORY)))
            await station.settle()
            digests.append(await station.process.digest())
            assert len(await station.process.incidents()) == 1
    assert digests[0] == digests[1]


async def test_run_until_idle_closes_the_last_panes(tmp_path: Path) -> None:
    plant, progress = new_plant(tmp_path / "home"), []
    plant.clock.move_to(START + 60 * MINUTE)
    async with open_station(plant, batch=2) as station:
        await station.publish(*(reading(minute, bar) for minute, bar in enumerate((NORMAL, NORMAL, HIGH))))
        await station.worker.run_until_idle(lambda: progress.append(1))
        assert len(progress) == 2
        (signal,) = [each for each in await station.process.decisions() if each.graph == "monitor"]
        assert "threshold" in signal.summary
        assert (await station.process.incident())["ruling"] == "ask"


async def crashed(home: Path, at: int) -> tuple[dict[str, list[str]], str, int]:
    """The story with one crash of the whole worker, relay and acknowledgements among it, ended by a second one.

    (effects, digest of the decisions, how many decisions never reached their topic).
    """
    plant = new_plant(home)
    async with open_station(plant, lambda ledger: CrashingLedger(ledger, at, "after")) as station:
        with pytest.raises(Crash):
            await play(station)
    begun = (plant.clock.now() - START) // MINUTE
    async with open_station(plant) as station:
        await station.settle()
        await play(station, begun + 1)
        missing = {each.id for each in await events(station)} - set(await told(station))
        return plant.effects(), await station.process.digest(), len(missing)


async def test_a_crash_at_the_commit_points_of_a_worker(tmp_path: Path) -> None:
    """With broker and relay. `tests/graphs/test_crashes.py` has every point of the graphs; here one of each label."""
    counted: list[CountingLedger] = []

    def count(ledger: Any) -> Any:
        counted.append(CountingLedger(ledger))
        return counted[0]

    async with open_station(new_plant(tmp_path / "undisturbed"), count) as station:
        await play(station)
        digest = await station.process.digest()
    labels = counted[0].labels
    assert {"lease:acquire", "outbox:sent", "intake"} <= set(labels)
    for label in sorted(set(labels)):
        last = len(labels) - labels[::-1].index(label)
        assert await crashed(tmp_path / label.replace(":", "-"), last) == (EXPECTED, digest, 0), label


async def serve(station: Station, until: Callable[[], Any]) -> None:
    """Serve live until something is true; then stop, and wait for the end."""
    stop = asyncio.Event()
    serving = asyncio.create_task(station.worker.serve(stop))
    async with asyncio.timeout(30):
        while not await until() and not serving.done():
            await station.ledger.changed(station.ledger.commits, 1)
    stop.set()
    await serving


async def test_served_live(tmp_path: Path) -> None:
    plant = new_plant(tmp_path / "home")
    plant.clock.move_to(START + 3 * MINUTE)
    async with open_station(plant) as station:
        await station.publish(*(reading(minute, bar) for minute, bar in enumerate(STORY[:4])))

        async def asked() -> bool:
            rows = await station.ledger.read(lambda tx: tx.people.requests())
            return bool(rows) and await station.ledger.read(lambda tx: tx.journal.unsent_count()) == 0

        await serve(station, asked)
        await station.worker.close()
        leases = await station.ledger.read(lambda tx: tx.leases.all())
        held = [each for each in leases if each.until and each.name != "pruner"]
        assert held == [], "whoever comes next need not wait"
        decisions = [Decision.model_validate(each.data) for each in await events(station)]
        assert [each.node for each in decisions if each.graph == "incident"][:2] == ["open", "explain"]


async def test_who_stands_by_does_not_wake_itself(tmp_path: Path) -> None:
    """A commit wakes every loop: who waits for another's stream must look, not write."""
    plant = new_plant(tmp_path / "home")
    plant.clock.move_to(START + MINUTE)
    async with open_station(plant) as first, open_station(plant, owner="other") as second:
        await first.publish(reading(0))
        await first.intake.step(10)
        assert await second.intake.step(10) is False, "it makes itself known"
        before = second.ledger.commits
        for _ in range(3):
            assert await second.intake.step(10) is False
            assert await second.intake.combine() is False
        assert second.ledger.commits == before


async def test_a_passing_fault_does_not_end_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triggers.worker.RETRY_WAIT_S", 0.01)
    plant = new_plant(tmp_path / "home")
    plant.clock.move_to(START + MINUTE)
    async with open_station(plant) as station:
        await station.publish(reading(0), reading(1))
        real, faults = station.ledger.transact, [LedgerBusy("held")] * 3

        async def busy(label: str, work: Any) -> Any:
            if label == "intake" and faults:
                raise faults.pop()
            return await real(label, work)

        station.ledger.transact = busy  # type: ignore[method-assign]

        async def counted() -> bool:
            return (await station.counters()).get("events") == 2

        await serve(station, counted)
        assert faults == []


async def test_a_full_disk_ends_the_service(tmp_path: Path) -> None:
    plant = new_plant(tmp_path / "home")
    plant.clock.move_to(START + MINUTE)
    async with open_station(plant) as station:
        await station.publish(reading(0))

        async def full(label: str, work: Any) -> Any:  # noqa: ARG001
            raise LedgerFull("no space")

        station.ledger.transact = full  # type: ignore[method-assign]

        async def never() -> bool:
            return False

        with pytest.raises(ExceptionGroup) as ended:
            await serve(station, never)
        assert ended.group_contains(LedgerFull)
