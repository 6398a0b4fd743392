"""Many runs under way at a time: none holds up another, the bound holds, and what is decided stays the same."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contracts import MINUTE
from evals.faults import CountingLedger, Crash, CrashingLedger
from evals.operator import Habits
from graphs import Executor, IncidentDriver
from tests.graphs.conftest import Start
from tests.graphs.plant import HIGH, NORMAL, Plant, Process, new_tools, runbook
from tools import Catalogue, Quote, Toolbox, ToolContext

PUMPS = ("p1", "p2", "p3", "p4", "p5")
STORY = (NORMAL, HIGH, HIGH, HIGH, NORMAL, NORMAL, NORMAL, NORMAL)
PROMPT = Habits(answers_after=MINUTE, ceiling=None)


async def play(process: Process, pumps: tuple[str, ...] = PUMPS, story: tuple[float, ...] = STORY) -> None:
    """The story at every pump at once; goes on where an earlier process was when it died."""
    plant = process.plant
    begun = len(plant.topic) // len(pumps)
    await process.settle()
    for number in range(begun, len(story)):
        plant.clock.move_to(plant.clock.now() + MINUTE)
        for pump in pumps:
            plant.publish(number, story[number], pump)
        await process.settle()


def limited(process: Process, in_flight: int) -> Process:
    services = replace(process.services, in_flight=in_flight)
    process.services, process.driver, process.executor = services, IncidentDriver(services), Executor(services)
    return process


class Gate:
    """A quote that takes as long as the test says; `inside` counts who waits for it."""

    def __init__(self, slow: int) -> None:
        self.slow, self.inside, self.most = slow, 0, 0
        self.open = asyncio.Event()

    async def pass_through(self) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        if self.slow:
            self.slow -= 1
            await self.open.wait()
        self.inside -= 1


def gated(process: Process, gate: Gate, in_flight: int) -> IncidentDriver:
    tools = new_tools()

    @tools[0].quote
    async def value(context: ToolContext, to: str) -> Quote:  # noqa: ARG001
        await gate.pass_through()
        return Quote(context.resources["price"][0])

    catalogue = Catalogue(tools)
    resources = {"valve": process.plant.valve, "price": process.plant.price}
    toolbox = Toolbox(catalogue, resources, process.plant.clock)
    packs = {"plant": replace(process.pack, catalogue=catalogue, toolbox=toolbox)}
    return IncidentDriver(replace(process.services, packs=packs, in_flight=in_flight))


async def raised(process: Process, pumps: tuple[str, ...]) -> None:
    """Signals are in the runs' boxes; nothing has moved yet."""
    driver, process.driver = process.driver, Idle()  # type: ignore[assignment]
    await play(process, pumps, STORY[:3])
    process.driver = driver


class Idle:
    async def step(self) -> bool:
        return False


async def statuses(process: Process) -> list[str]:
    runs = await process.ledger.read(lambda tx: tx.runs.unfinished())
    return sorted(run.status for run in runs)


async def test_a_slow_run_holds_up_no_other(start: Start) -> None:
    process, gate = start(), Gate(slow=1)
    driver = gated(process, gate, in_flight=64)
    await raised(process, PUMPS[:3])
    while (await statuses(process)).count("waiting") < 2:
        assert await driver.step()
    assert await statuses(process) == ["runnable", "waiting", "waiting"]
    runs = await process.ledger.read(lambda tx: tx.runs.unfinished())
    thread = next(run.thread for run in runs if run.status == "waiting")
    stepping = asyncio.create_task(driver.step())
    await asyncio.sleep(0)
    body = {"kind": "closed", "person": "ada", "note": "", "at": process.plant.clock.now()}
    await process.ledger.transact("mail", lambda tx: tx.runs.post(thread, "x", body))
    assert await stepping, "what came while it waited is taken up at once"
    assert await statuses(process) == ["runnable", "waiting"]
    gate.open.set()
    assert await driver.step()
    assert not await driver.step()
    assert await statuses(process) == ["waiting", "waiting"]


async def test_no_more_than_the_bound(start: Start) -> None:
    process, gate = start(), Gate(slow=5)
    driver = gated(process, gate, in_flight=2)
    await raised(process, PUMPS)
    stepping = asyncio.create_task(driver.step())
    while gate.inside < 2:
        await process.ledger.changed(process.ledger.commits, 0.1)
    gate.open.set()
    assert await stepping
    while await driver.step():
        pass
    assert gate.most == 2
    assert await statuses(process) == ["waiting"] * 5


async def test_closing_waits_for_what_is_under_way(start: Start) -> None:
    process, gate = start(), Gate(slow=1)
    driver = gated(process, gate, in_flight=64)
    await raised(process, PUMPS[:2])
    assert await driver.step()
    closing = asyncio.create_task(driver.close())
    await asyncio.sleep(0)
    assert not closing.done()
    gate.open.set()
    await closing
    assert await statuses(process) == ["waiting", "waiting"]


async def test_a_cancelled_step_leaves_nothing_behind(start: Start) -> None:
    process, gate = start(), Gate(slow=5)
    driver = gated(process, gate, in_flight=64)
    await raised(process, PUMPS[:2])
    before = asyncio.all_tasks()
    stepping = asyncio.create_task(driver.step())
    while gate.inside < 2:
        await process.ledger.changed(process.ledger.commits, 0.1)
    stepping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stepping
    assert asyncio.all_tasks() - before == set()
    gate.open.set()
    gate.slow = 0
    while await driver.step():
        pass
    assert await statuses(process) == ["waiting", "waiting"], "the same owner takes over at once"


def new_plant(home: Path) -> Plant:
    home.mkdir()
    plant = Plant(home, book=runbook("move_valve", "call_crew"))
    plant.operator = PROMPT
    return plant


async def told(home: Path, in_flight: int) -> tuple[dict[str, list[str]], str, list[str]]:
    plant = new_plant(home)
    process = limited(plant.open(), in_flight)
    await play(process)
    ids = [each.id for each in await process.ledger.read(lambda tx: tx.journal.events())]
    found = plant.effects(), await process.digest(), ids
    await process.close()
    return found


async def test_the_decisions_are_the_same_however_many_are_under_way(tmp_path: Path) -> None:
    one, again, many = [await told(tmp_path / name, count) for name, count in (("1", 1), ("1b", 1), ("64", 64))]
    assert one[0] == {"valve": ["open"] * 5, "crew": ["repair"] * 5, "horn": []}
    assert many[:2] == one[:2]
    assert sorted(many[2]) == sorted(one[2]), "the same events"
    assert again == one, "with one at a time the order of the rows is the same, too"


async def test_two_workers_share_the_runs(plant: Plant, start: Start) -> None:
    plant.book, plant.operator = runbook("move_valve", "call_crew"), PROMPT
    one, two = start(), start(owner="other")
    both = limited(one, 2), limited(two, 2)
    moving = one.drain

    async def drain() -> None:
        await moving()
        while any(await asyncio.gather(*(step() for each in both for step in (each.driver.step, each.executor.step)))):
            pass

    one.drain = drain  # type: ignore[method-assign]
    await play(one)
    assert plant.effects() == {"valve": ["open"] * 5, "crew": ["repair"] * 5, "horn": []}
    assert {doc["status"] for doc in await one.incidents()} == {"resolved"}


async def test_crashes_while_many_are_under_way(tmp_path: Path) -> None:
    """A crash after every seventh commit point of five incidents at once."""
    effects, digest, _ = await told(tmp_path / "undisturbed", 64)
    counting: list[CountingLedger] = []

    def count(ledger: Any) -> Any:
        counting.append(CountingLedger(ledger))
        return counting[0]

    await played(tmp_path / "counted", count)
    assert len(counting[0].labels) > 60
    for at in range(3, len(counting[0].labels), 7):
        plant = await played(tmp_path / str(at), lambda ledger, at=at: CrashingLedger(ledger, at, "after"))  # type: ignore[misc]
        process = plant.open()
        await play(process)
        assert (plant.effects(), await process.digest()) == (effects, digest), at
        await process.close()


async def played(home: Path, wrap: Any) -> Plant:
    plant = new_plant(home)
    process = plant.open(wrap)
    with suppress(Crash):
        await play(process)
    await process.close()
    return plant
