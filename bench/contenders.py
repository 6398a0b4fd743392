"""Who is measured by `bench.incidents`: our driver, and loops over LangGraph's own SQLite savers."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiosqlite
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.types import Command as Resume

from bench.designs import GraphDriver, SyncDriver
from bench.synchronous import ThreadLedger, synchronous
from graphs import IncidentDriver, Services
from graphs.incident import build
from graphs.segment import Segment
from ledger import Mail, Run, Transaction

Serve = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
Contender = Callable[[Services, Path, int], AbstractAsyncContextManager[Serve]]
Invoke = Callable[[Any, Any, Segment], Awaitable[dict[str, Any]]]
OURS = "ours"
INLINE = "SqliteSaver, adapted to async"


def driven(kind: type[IncidentDriver]) -> Contender:
    """A driver, as `triggers.Worker` serves it."""

    @asynccontextmanager
    async def contender(services: Services, home: Path, in_flight: int) -> AsyncIterator[Serve]:  # noqa: ARG001
        driver = kind(replace(services, in_flight=in_flight))

        async def serve(stop: asyncio.Event) -> None:
            while not stop.is_set():
                seen = services.ledger.commits
                if not await driver.step():
                    await services.ledger.changed(seen, 1.0)
            await driver.close()

        yield serve

    return contender


class StockLoop:
    """A careful user's loop over a stock saver: see `bench.incidents`."""

    def __init__(self, services: Services, invoke: Invoke, in_flight: int) -> None:
        self._services, self._invoke, self._in_flight = services, invoke, in_flight
        self._driven: set[str] = set()

    async def serve(self, stop: asyncio.Event) -> None:
        ledger = self._services.ledger
        async with asyncio.TaskGroup() as tasks:
            while not stop.is_set():
                seen = ledger.commits
                for run, mail in await ledger.read(self._runnable(frozenset(self._driven))):
                    self._driven.add(run.thread)
                    tasks.create_task(self._drive(run, mail))
                await ledger.changed(seen, 1.0)

    def _runnable(self, driven: frozenset[str]) -> Callable[[Transaction], list[tuple[Run, Mail]]]:
        def look(tx: Transaction) -> list[tuple[Run, Mail]]:
            runs = [run for run in tx.runs.unfinished() if run.status == "runnable" and run.thread not in driven]
            free = self._in_flight - len(driven)
            return [(run, mail) for run in runs[:free] if (mail := tx.runs.mail(run.thread)) is not None]

        return look

    async def _drive(self, run: Run, mail: Mail) -> None:
        now = self._services.clock.now()
        segment = Segment(run, self._services, now, now)
        config = {"configurable": {"thread_id": run.thread}, "recursion_limit": 50}
        given: Any = {"mail": mail.body, "step": 0} if run.waiting_for is None else Resume(resume=mail.body)
        state = await self._invoke(given, config, segment)
        waiting = [each.value["for"] for each in state.get("__interrupt__", ())]

        def commit(tx: Transaction) -> None:
            segment.commit(tx)
            tx.runs.consume(mail)
            if segment.finished_at is None:
                tx.runs.suspend(run, waiting[0], now)

        await self._services.ledger.transact("stock:segment", commit)
        self._driven.discard(run.thread)


@asynccontextmanager
async def stock_async(services: Services, home: Path, in_flight: int) -> AsyncIterator[Serve]:
    async with aiosqlite.connect(home / "checkpoints.db") as connection:
        await connection.execute("PRAGMA synchronous = FULL")
        saver = AsyncSqliteSaver(connection)
        await saver.setup()
        yield StockLoop(services, _asynchronous(saver), in_flight).serve


class InlineSqliteSaver(SqliteSaver):
    """No stock saver: SqliteSaver refuses the asynchronous calls. Passed on like this they cost no thread,
    and block the loop at each flush."""

    async def aget_tuple(self, config: Any) -> Any:
        return self.get_tuple(config)

    async def aput(self, *args: Any) -> Any:
        return self.put(*args)

    async def aput_writes(self, *args: Any) -> None:
        self.put_writes(*args)


@asynccontextmanager
async def stock_inline(services: Services, home: Path, in_flight: int) -> AsyncIterator[Serve]:
    connection = _connect(home)
    saver = InlineSqliteSaver(connection)
    saver.setup()
    yield StockLoop(services, _asynchronous(saver), in_flight).serve
    connection.close()


def stock_threads(size: int) -> Contender:
    """`graph.invoke` in a pool of so many threads; the saver's own lock lets one of them write at a time."""

    @asynccontextmanager
    async def contender(services: Services, home: Path, in_flight: int) -> AsyncIterator[Serve]:
        connection = _connect(home)
        saver = SqliteSaver(connection)
        saver.setup()
        loop = asyncio.get_running_loop()
        graph = synchronous(saver)
        inside = replace(services, ledger=ThreadLedger(services.ledger, home / "ledger.db", loop))
        with ThreadPoolExecutor(min(in_flight, size)) as pool:

            async def invoke(given: Any, config: Any, segment: Segment) -> dict[str, Any]:
                segment.services = inside

                def run() -> dict[str, Any]:
                    answer: dict[str, Any] = graph.invoke(given, config, context=segment, durability="sync")
                    return answer

                return await loop.run_in_executor(pool, run)

            yield StockLoop(services, invoke, in_flight).serve
        connection.close()

    return contender


def _connect(home: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(home / "checkpoints.db", check_same_thread=False)
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _asynchronous(saver: BaseCheckpointSaver[Any]) -> Invoke:
    graph: Any = build(saver)

    async def invoke(given: Any, config: Any, segment: Segment) -> dict[str, Any]:
        answer: dict[str, Any] = await graph.ainvoke(given, config, context=segment, durability="sync")
        return answer

    return invoke


CONTENDERS: dict[str, Contender] = {
    OURS: driven(IncidentDriver),
    "stock AsyncSqliteSaver": stock_async,
    **{f"stock SqliteSaver, {size} threads": stock_threads(size) for size in (1, 4, 16)},
    INLINE: stock_inline,
    "ours, LangGraph's loop": driven(GraphDriver),
    "ours, LangGraph's loop, sync": driven(SyncDriver),
}
