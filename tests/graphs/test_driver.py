"""The driver: failing segments, poison, packs that are not here, and two drivers on one run."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from contracts import MINUTE
from evals.faults import CountingLedger
from governance import NotFound, Refused, find_request
from graphs import GRAPH_VERSION, IncidentDriver
from graphs.driver import MAX_ATTEMPTS, RETRY_MICROS
from ledger import LedgerBusy, Run, Transaction
from ledger.runs import LEASE_MICROS
from tests.graphs.conftest import Start
from tests.graphs.plant import BURST, PROMPT, Plant, Process, play

ASKED = BURST[:5]
POISON = {"kind": "recovered"}
"""Mail that says less than its node needs: the run fails whenever it wakes."""


class Faulty(list[Decimal]):
    """A price list whose look-up fails so many times: a node raises what nobody foresaw."""

    def __init__(self, faults: int) -> None:
        super().__init__([Decimal(100)])
        self.faults = faults

    def __getitem__(self, place: Any) -> Any:
        if self.faults:
            self.faults -= 1
            raise RuntimeError("a fault of the graph")
        return super().__getitem__(place)


async def the_run(process: Process) -> Run:
    (run,) = await process.ledger.read(lambda tx: tx.runs.unfinished())
    return run


async def later(process: Process, micros: int) -> None:
    process.plant.clock.move_to(process.plant.clock.now() + micros)
    await process.drain()


async def test_a_failing_segment_is_tried_again_and_leaves_nothing_behind(plant: Plant, start: Start) -> None:
    plant.price = Faulty(2)
    process = start()
    await play(process, ASKED)
    run = await the_run(process)
    assert (run.status, run.attempts, run.owner) == ("runnable", 1, None)
    assert await process.nodes() == []
    await later(process, RETRY_MICROS - 1)
    assert (await the_run(process)).attempts == 1
    await later(process, 1)
    assert (await the_run(process)).attempts == 2
    await later(process, RETRY_MICROS)
    run = await the_run(process)
    assert (run.status, run.attempts, run.waiting_for) == ("waiting", 0, "a person's approval")
    assert await process.nodes() == ["open", "explain", "recall", "plan", "gate"]


async def test_poison_is_a_persons_after_three_attempts_across_restarts(plant: Plant) -> None:
    plant.price = Faulty(1000)
    tried = []
    for _ in range(MAX_ATTEMPTS):
        process = plant.open()
        await play(process, ASKED)
        await later(process, RETRY_MICROS)
        tried.append(1000 - plant.price.faults)
        found = await process.incidents()
        await process.close()
    assert tried == [2, 3, 3], "twice in the first process, once in the second, then a person"
    assert (found[0]["status"], found[0]["reason"]) == (
        "escalated",
        "the graph failed again and again; see the log",
    )
    assert plant.price.faults == 1000 - MAX_ATTEMPTS


class BusyLedger(CountingLedger):
    """Another process holds the file whenever a segment is to be committed, so many times."""

    faults = 0

    async def transact(self, label: str, work: Callable[[Transaction], Any]) -> Any:
        if label.startswith(("run:wait", "run:end")) and self.faults:
            self.faults -= 1
            raise LedgerBusy("another process is writing")
        return await super().transact(label, work)


async def test_a_busy_ledger_is_no_attempt_of_the_run(plant: Plant) -> None:
    """Twice as often as a failing segment is tried; each time the worker is told, and calls again."""
    process = plant.open(BusyLedger)
    ledger: Any = process.ledger
    ledger.faults = busy = 2 * MAX_ATTEMPTS
    for number, bar in enumerate(ASKED):
        try:
            await process.minute(number, bar)
        except LedgerBusy:
            busy -= 1
    while busy:
        with pytest.raises(LedgerBusy):
            await process.settle()
        busy -= 1
    await process.settle()
    run = await the_run(process)
    assert (run.status, run.attempts, run.waiting_for) == ("waiting", 0, "a person's approval")
    await process.close()


async def test_poison_harms_no_other_key(plant: Plant, start: Start) -> None:
    process = start()
    for minute, bar in enumerate(ASKED):
        plant.publish(minute, bar, "p2")
        await process.minute(minute, bar)
    ids = {doc["key"]: doc["id"] for doc in await process.incidents()}
    await process.ledger.transact("mail", lambda tx: tx.runs.post(ids["p1"], "x", POISON))
    plant.operator = PROMPT
    for _ in range(12):
        await later(process, 2 * RETRY_MICROS)
        await process.settle()
    found = {doc["key"]: doc for doc in await process.incidents()}
    assert (found["p1"]["status"], found["p2"]["status"]) == ("escalated", "open")
    assert found["p2"]["acted_at"]


async def test_giving_up_withdraws_the_question(start: Start) -> None:
    process = start()
    await play(process, ASKED)
    found = await process.incident()
    await process.ledger.transact("mail", lambda tx: tx.runs.post(found["id"], "x", POISON))
    for _ in range(5):
        await later(process, RETRY_MICROS)
    assert (await process.incident())["status"] == "escalated"
    with pytest.raises(Refused, match="the request is withdrawn; there is nothing to answer"):
        await process.ledger.read(lambda tx: find_request(tx, found["id"]))
    with pytest.raises(NotFound):
        await process.ledger.read(lambda tx: find_request(tx, "req-other"))


@pytest.mark.parametrize("change", ["pack", "graph"])
async def test_a_run_that_is_not_ours_is_left_to_who_can(plant: Plant, start: Start, change: str) -> None:
    process = start()
    await play(process, BURST[:4])
    plant.publish(4, BURST[4])
    plant.clock.move_to(plant.clock.now() + MINUTE)
    assert process.partition is not None
    assert process.combiner is not None
    await process.partition.take(plant.topic[plant.acked :])
    assert (await process.combiner.step())["signals"] == 1
    if change == "pack":
        stranger = IncidentDriver(replace(process.services, packs={}, owner="stranger"))
    else:
        stranger = process.driver
        await process.ledger.transact(
            "graph", lambda tx: tx.runs._db.execute("UPDATE runs SET graph_version = ?", (GRAPH_VERSION + 1,)) and None
        )
    assert await stranger.step() is True
    run = await the_run(process)
    assert (run.owner, run.attempts, run.status) == (None, 0, "runnable")
    assert await stranger.step() is False, "not at once again"
    assert await process.incidents() == []


async def test_two_drivers_resume_one_run(plant: Plant, start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """The first is slow in the middle of a segment and loses its lease: what it did is not written."""
    plant.operator = PROMPT
    process = start()
    other = start(owner="other")
    reached, go_on = asyncio.Event(), asyncio.Event()
    real = process.ledger.transact

    async def slow(label: str, work: Callable[..., Any]) -> Any:
        if label.startswith("run:wait"):
            reached.set()
            await go_on.wait()
        return await real(label, work)

    process.ledger.transact = slow  # type: ignore[method-assign]
    task = asyncio.create_task(play(process, ASKED))
    await reached.wait()
    assert await other.driver.step() is False, "it is held"
    plant.clock.move_to(plant.clock.now() + LEASE_MICROS + 1)
    assert await other.driver.step() is True
    with caplog.at_level(logging.WARNING):
        go_on.set()
        await task
    assert "claimed by somebody else since epoch 1" in caplog.text
    assert await process.nodes() == ["open", "explain", "recall", "plan", "gate"]
    assert len(await process.ledger.read(lambda tx: tx.people.requests())) == 1


async def test_a_stale_driver_that_fails_takes_nothing_from_the_new_owner(plant: Plant, start: Start) -> None:
    process, other = start(), start(owner="other")
    await play(process, BURST[:4])
    plant.price = Faulty(0)
    stale: list[Run] = []

    class Stealing(Faulty):
        def __getitem__(self, place: Any) -> Any:
            raise RuntimeError("too late")

    process.pack.toolbox._resources["price"] = Stealing(0)  # type: ignore[index]
    real = process.ledger.transact

    async def steal(label: str, work: Callable[..., Any]) -> Any:
        if label == "run:retry":
            plant.clock.move_to(plant.clock.now() + LEASE_MICROS + 1)
            now = plant.clock.now()
            taken = await other.ledger.transact("claim", lambda tx: tx.runs.claim("other", now))
            assert taken is not None
            stale.append(taken)
        return await real(label, work)

    process.ledger.transact = steal  # type: ignore[method-assign]
    await play(process, ASKED)
    assert len(stale) == 1
    assert await the_run(process) == stale[0]


async def test_memory_learns_from_the_journal_after_a_restart(plant: Plant, start: Start) -> None:
    plant.operator = PROMPT
    first = start()
    await play(first)
    second = start()
    await second.driver._learn()
    record = second.services.memory.track_record("relieve@1", tenant="default", pack="plant")
    assert (record.successes, record.failures) == (1, 0)
