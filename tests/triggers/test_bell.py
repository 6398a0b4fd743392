"""The bell: who waits for a commit hears it, the eager first; who stops waits no longer."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ledger import SqliteLedger
from triggers.bell import Bell


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[SqliteLedger]:
    opened = SqliteLedger(tmp_path / "ledger.db")
    yield opened
    await opened.close()


async def commit(ledger: SqliteLedger) -> None:
    await ledger.transact("count", lambda tx: tx.docs.count("bell", 1))


async def test_the_eager_hear_a_commit_first(ledger: SqliteLedger) -> None:
    bell, stop, order = Bell(ledger), asyncio.Event(), []
    listening = asyncio.create_task(bell.listen(stop))

    async def wait(name: str, *, eager: bool) -> None:
        await bell.rings(bell.heard(eager=eager), eager=eager)
        order.append(name)

    waiting = [asyncio.create_task(wait("others", eager=False)), asyncio.create_task(wait("relay", eager=True))]
    await commit(ledger)
    await asyncio.gather(*waiting)
    assert order == ["relay", "others"]
    stop.set()
    await listening


async def test_a_commit_behind_the_look_is_not_missed(ledger: SqliteLedger) -> None:
    bell, stop = Bell(ledger), asyncio.Event()
    listening = asyncio.create_task(bell.listen(stop))
    for eager in (True, False):
        heard = bell.heard(eager=eager)
        await commit(ledger)
        await bell.rings(heard, eager=eager)
        assert bell.heard(eager=eager) > heard
        await bell.rings(heard, eager=eager)  # it rang: nobody waits for the next one
    stop.set()
    await listening


async def test_who_stops_is_woken_and_waits_no_more(ledger: SqliteLedger) -> None:
    bell, stop = Bell(ledger), asyncio.Event()
    listening = asyncio.create_task(bell.listen(stop))
    waiting = [asyncio.create_task(bell.rings(bell.heard(eager=each), eager=each)) for each in (True, False)]
    stop.set()
    await asyncio.gather(listening, *waiting)
    await bell.rings(bell.heard())
