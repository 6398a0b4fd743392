"""All or nothing, whoever is cancelled; and who is told of a commit."""

import asyncio
import threading

import pytest

from contracts import canonical, digest
from ledger import LedgerError, SqliteLedger, Transaction
from tests.ledger.builders import note


class Stop(BaseException):
    """Not even an Exception."""


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, Stop])
async def test_all_or_nothing(ledger: SqliteLedger, error: type[BaseException]) -> None:
    def work(tx: Transaction) -> None:
        tx.journal.append(note(1), ("topic:a",))
        tx.docs.count("x", 1)
        raise error

    before = ledger.commits
    with pytest.raises(error):
        await ledger.transact("write", work)
    seen = await ledger.read(lambda tx: (tx.journal.events(), tx.docs.counters(), tx.journal.unsent_count()))
    assert seen == ([], {}, 0)
    assert ledger.commits == before


async def test_a_read_writes_nothing(ledger: SqliteLedger) -> None:
    with pytest.raises(LedgerError, match="a read tried to write; use `transact`"):
        await ledger.read(lambda tx: tx.docs.count("x", 1))
    assert await ledger.read(lambda tx: tx.docs.counters()) == {}


async def test_a_cancelled_caller_leaves_when_its_commit_is_decided(ledger: SqliteLedger) -> None:
    started, go_on = threading.Event(), threading.Event()

    def work(tx: Transaction) -> None:
        tx.docs.count("x", 1)
        started.set()
        go_on.wait(10)

    before = ledger.commits
    task = asyncio.create_task(ledger.transact("write", work))
    await asyncio.to_thread(started.wait, 10)
    task.cancel()
    for _ in range(3):
        await asyncio.sleep(0)
    assert not task.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await ledger.read(lambda tx: tx.docs.counters()) == {"x": 1}
    assert ledger.commits > before, "whoever waits for a commit is told of this one too"


async def test_own_commits_wake(ledger: SqliteLedger) -> None:
    seen = ledger.commits
    waiting = asyncio.create_task(ledger.changed(seen, 60))
    await asyncio.sleep(0)
    await ledger.transact("write", lambda tx: tx.docs.count("x", 1))
    assert await waiting is True
    assert await ledger.changed(seen, 60) is True


async def test_foreign_commits_wake(ledger: SqliteLedger, other: SqliteLedger) -> None:
    waiting = asyncio.create_task(ledger.changed(ledger.commits, 60))
    await asyncio.sleep(0)
    await other.transact("write", lambda tx: tx.docs.count("x", 1))
    assert await waiting is True


async def test_nothing_wakes_nobody(ledger: SqliteLedger) -> None:
    assert await ledger.changed(ledger.commits, 0.15) is False


async def test_blobs_are_named_by_their_content(ledger: SqliteLedger) -> None:
    value = {"b": [1, 2.5, None], "a": "ä"}
    first = await ledger.transact("write", lambda tx: tx.docs.put_blob(value))
    again = await ledger.transact("write", lambda tx: tx.docs.put_blob(dict(reversed(value.items()))))
    assert first == again == digest(value)
    assert canonical(await ledger.read(lambda tx: tx.docs.blob(first))) == canonical(value)
    with pytest.raises(KeyError, match="nothing"):
        await ledger.read(lambda tx: tx.docs.blob("nothing"))


async def test_a_memo_keeps_the_first_answer(ledger: SqliteLedger) -> None:
    assert await ledger.transact("memo", lambda tx: tx.docs.keep_memo("k", {"answer": 1})) == {"answer": 1}
    assert await ledger.transact("memo", lambda tx: tx.docs.keep_memo("k", {"answer": 2})) == {"answer": 1}


async def test_switches_are_set_and_taken_away(ledger: SqliteLedger) -> None:
    await ledger.transact("switch", lambda tx: tx.docs.set_switch("freeze", {"person": "ada"}))
    assert await ledger.read(lambda tx: tx.docs.switches()) == {"freeze": {"person": "ada"}}
    await ledger.transact("switch", lambda tx: tx.docs.set_switch("freeze", None))
    assert await ledger.read(lambda tx: tx.docs.switch("freeze")) is None


async def test_monitor_documents_by_name(ledger: SqliteLedger) -> None:
    await ledger.transact("put", lambda tx: tx.docs.put_monitor("plant", "pumps", {"clock": 1, "open/a/b": {"x": 2}}))
    await ledger.transact("put", lambda tx: tx.docs.put_monitor("plant", "pumps", {"clock": 2}))
    assert await ledger.read(lambda tx: tx.docs.monitor("plant", "pumps")) == {"clock": 2, "open/a/b": {"x": 2}}
    assert await ledger.read(lambda tx: tx.docs.monitor_doc("plant", "open/a/b")) == {"x": 2}
    assert await ledger.read(lambda tx: tx.docs.monitor_doc("plant", "nothing")) is None
