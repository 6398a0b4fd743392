"""Transactions that share a flush: each all or nothing, told only when it is durable."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import LedgerError, LedgerFull, SqliteLedger, Transaction
from ledger.group_commit import GroupCommit
from ledger.lane import Job


class Odd(Exception):
    """What a job fails with."""


async def held(ledger: SqliteLedger) -> tuple[threading.Event, asyncio.Task[None]]:
    """Keeps the writer busy until the event is set, so that what follows is one group."""
    started, go_on = threading.Event(), threading.Event()

    def wait(tx: Transaction) -> None:  # noqa: ARG001
        started.set()
        go_on.wait(10)

    task = asyncio.create_task(ledger.transact("held", wait))
    await asyncio.to_thread(started.wait, 10)
    return go_on, task


def job(number: int, fails: bool) -> Callable[[Transaction], int]:
    def work(tx: Transaction) -> int:
        tx.docs.count(f"{number}-a", 1)
        if fails:
            raise Odd(number)
        tx.docs.count(f"{number}-b", 1)
        return number

    return work


async def grouped(ledger: SqliteLedger, fails: list[bool]) -> list[object]:
    go_on, first = await held(ledger)
    tasks = [asyncio.create_task(ledger.transact("job", job(place, each))) for place, each in enumerate(fails)]
    await asyncio.sleep(0)
    go_on.set()
    await first
    return list(await asyncio.gather(*tasks, return_exceptions=True))


def commits_of(ledger: SqliteLedger) -> list[str]:
    """Every COMMIT and ROLLBACK that the writer's connection runs from now on."""
    seen: list[str] = []
    kept = ("COMMIT", "ROLLBACK")
    ledger._writes.thread.submit(
        lambda: ledger._db.set_trace_callback(lambda text: seen.append(text) if text in kept else None)
    ).result()
    return seen


async def test_what_queues_up_shares_one_commit(ledger: SqliteLedger) -> None:
    seen = commits_of(ledger)
    assert await grouped(ledger, [False] * 20) == list(range(20))
    assert seen == ["COMMIT", "COMMIT"], "the one that was held, and one for all the others"


async def test_a_group_of_failures_commits_nothing(ledger: SqliteLedger) -> None:
    seen = commits_of(ledger)
    answers = await grouped(ledger, [True] * 3)
    assert [type(each) for each in answers] == [Odd] * 3
    assert seen == ["COMMIT", "ROLLBACK"]


@settings(max_examples=40, deadline=None)
@given(fails=st.lists(st.booleans(), min_size=1, max_size=30))
async def test_each_job_is_all_or_nothing(tmp_path_factory: pytest.TempPathFactory, fails: list[bool]) -> None:
    path = tmp_path_factory.mktemp("group") / "ledger.db"
    ledger = SqliteLedger(path)
    answers = await grouped(ledger, fails)
    await ledger.close()
    assert [isinstance(each, Odd) for each in answers] == fails
    rows = dict(sqlite3.connect(path).execute("SELECT name, value FROM counters").fetchall())
    assert rows == {f"{place}-{half}": 1 for place, each in enumerate(fails) if not each for half in "ab"}


class Failing:
    """A connection whose COMMIT fails, as on a full disk."""

    def __init__(self, real: sqlite3.Connection) -> None:
        self.real = real

    def execute(self, text: str, *values: object) -> sqlite3.Cursor:
        if text == "COMMIT":
            raise sqlite3.OperationalError("database or disk is full")
        return self.real.execute(text, *values)

    @property
    def in_transaction(self) -> bool:
        return self.real.in_transaction


async def test_a_commit_that_fails_fails_all(ledger: SqliteLedger) -> None:
    tables = ledger._writes.thread.submit(lambda: Transaction(ledger._db)).result()
    real, ledger._group = ledger._group, GroupCommit(Failing(ledger._db), tables, ledger.path)  # type: ignore[arg-type]
    go_on, first = await held(ledger)
    tasks = [asyncio.create_task(ledger.transact("job", job(place, place == 1))) for place in range(3)]
    await asyncio.sleep(0)
    go_on.set()
    for task in (first, *tasks):
        with pytest.raises(LedgerFull):
            await task
    ledger._group = real
    assert await ledger.read(lambda tx: tx.docs.counters()) == {}
    assert await ledger.transact("job", job(7, False)) == 7


async def test_a_transaction_that_was_given_up_fails_who_was_in_it_and_no_other(ledger: SqliteLedger) -> None:
    def give_up(tx: Transaction) -> None:
        tx.docs._db.execute("ROLLBACK")
        raise sqlite3.OperationalError("database or disk is full")

    go_on, first = await held(ledger)
    works = [job(0, False), give_up, job(2, False)]
    tasks = [asyncio.create_task(ledger.transact("job", work)) for work in works]
    await asyncio.sleep(0)
    go_on.set()
    await first
    before, lost, after = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(before, LedgerError)
    assert isinstance(lost, LedgerError)
    assert after == 2
    assert await ledger.read(lambda tx: tx.docs.counters()) == {"2-a": 1, "2-b": 1}


async def test_reads_do_not_wait_for_a_write(ledger: SqliteLedger) -> None:
    go_on, first = await held(ledger)
    assert await ledger.read(lambda tx: tx.docs.counters()) == {}
    go_on.set()
    await first


async def test_what_was_told_is_seen_by_the_next_read(ledger: SqliteLedger) -> None:
    for number in range(50):
        await ledger.transact("job", lambda tx: tx.docs.count("x", 1))
        assert await ledger.read(lambda tx: tx.docs.counters()) == {"x": number + 1}


CHILD = """
import asyncio, sys, threading
from pathlib import Path
from ledger import SqliteLedger
from ledger.group_commit import GroupCommit
from ledger.lane import Job

if sys.argv[2] == "early":  # the control: tell before the COMMIT
    real = GroupCommit._one
    def one(self, job):
        real(self, job)
        print(job.answer, flush=True)
    GroupCommit._one = one

if sys.argv[3] == "held":  # the third group has done its work, and its COMMIT never comes
    ends, end = [], GroupCommit._end
    def held(self, jobs):
        ends.append(len(jobs))
        if len(ends) == 3:
            print("held", flush=True)
            threading.Event().wait()
        end(self, jobs)
    GroupCommit._end = held

async def main():
    ledger = SqliteLedger(Path(sys.argv[1]))
    def work(number):
        def count(tx):
            tx.docs.count(f"{number}-a", 1)
            tx.docs.count(f"{number}-b", 1)
            return number
        return count
    async def one(number):
        answer = await ledger.transact("job", work(number))
        if sys.argv[2] != "early":
            print(answer, flush=True)
    for start in range(0, 1_000_000, 64):
        await asyncio.gather(*(one(number) for number in range(start, start + 64)))

asyncio.run(main())
"""


def killed(path: Path, how: str, after: int | None) -> tuple[set[int], dict[str, int]]:
    """What a process had told when it was killed with SIGKILL, and what is in its file then.

    It is killed when it has told `after` jobs or, without a number, while a group waits for its COMMIT.
    """
    arguments = [str(path), how, "held" if after is None else "free"]
    child = subprocess.Popen([sys.executable, "-c", CHILD, *arguments], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    lines: list[str] = []
    while len(lines) != after and lines[-1:] != ["held\n"]:
        lines.append(child.stdout.readline())
    os.kill(child.pid, signal.SIGKILL)
    lines += [line for line in child.stdout if line.endswith("\n")]
    child.wait()
    told = {int(line) for line in lines if line != "held\n"}
    return told, dict(sqlite3.connect(path).execute("SELECT name, value FROM counters").fetchall())


@pytest.mark.acceptance
def test_what_was_told_survives_a_kill(tmp_path: Path) -> None:
    for number in range(4):
        told, rows = killed(tmp_path / f"{number}.db", "late", 100 + 37 * number)
        assert [each for each in told if (f"{each}-a" not in rows or f"{each}-b" not in rows)] == []
        assert {name.removesuffix("-a") for name in rows if name.endswith("-a")} == {
            name.removesuffix("-b") for name in rows if name.endswith("-b")
        }, "each job is all there or not at all"


@pytest.mark.acceptance
def test_killed_before_its_commit_a_group_was_told_nothing(tmp_path: Path) -> None:
    told, rows = killed(tmp_path / "late.db", "late", None)
    assert told == {int(name.removesuffix("-a")) for name in rows if name.endswith("-a")}
    assert told


@pytest.mark.acceptance
def test_the_control_that_tells_before_the_commit_loses(tmp_path: Path) -> None:
    told, rows = killed(tmp_path / "early.db", "early", None)
    assert any(f"{each}-a" not in rows for each in told)


async def test_no_future_carries_a_stop_iteration(ledger: SqliteLedger) -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        await ledger.transact("job", lambda tx: next(iter(())))  # noqa: ARG005


def test_a_told_job_is_left_alone() -> None:
    loop = asyncio.new_event_loop()
    future: asyncio.Future[object] = loop.create_future()
    future.set_result(1)
    Job(lambda tx: None, future, answer=2).tell()  # noqa: ARG005
    assert future.result() == 1
    loop.close()
