"""The incident graph for `graph.invoke` in threads: the same node functions, awaited to their end where they stand."""

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, interrupt

from graphs.incident import NODES, WAITS_FOR, IncidentState
from graphs.incident.state import Resumed, as_node
from graphs.incident.wiring import route
from graphs.segment import Segment
from ledger import Ledger, Transaction

Answer = TypeVar("Answer")


def synchronous(saver: SqliteSaver) -> Any:
    """`graphs.incident.build`, with nodes that LangGraph can call without a loop."""
    graph = StateGraph(IncidentState, context_schema=Segment)
    for name, function in NODES.items():
        node: Any = _awaited(as_node(function))
        graph.add_node(name, node, destinations=(*NODES, "wait", END))
    graph.add_node("wait", _wait, destinations=(*NODES, "wait"))
    graph.add_edge(START, "open")
    return graph.compile(checkpointer=saver)


def _wait(state: IncidentState) -> Resumed:
    mail = interrupt({"for": WAITS_FOR[state["phase"]]})
    return Command(update={"mail": mail}, goto=route(mail, state["phase"]))


def _awaited(
    node: Callable[[IncidentState, Runtime[Segment]], Awaitable[Resumed]],
) -> Callable[[IncidentState, Runtime[Segment]], Resumed]:
    def run(state: IncidentState, runtime: Runtime[Segment]) -> Resumed:
        coroutine: Any = node(state, runtime)
        try:
            coroutine.send(None)
        except StopIteration as end:
            update: Resumed = end.value
            return update
        raise RuntimeError("a node suspended: ThreadLedger answers at once, and nothing else is awaited here")

    return run


class ThreadLedger:
    """The ledger as a thread's nodes see it: reads on the thread's own connection, writes handed to the ledger."""

    def __init__(self, ledger: Ledger, path: Path, loop: asyncio.AbstractEventLoop) -> None:
        self._ledger, self._path, self._loop = ledger, path, loop
        self._own = threading.local()

    async def read(self, work: Callable[[Transaction], Answer]) -> Answer:
        """Run `work` on one snapshot."""
        if not hasattr(self._own, "db"):
            self._own.db = sqlite3.connect(self._path, isolation_level=None)
        self._own.db.execute("BEGIN")
        try:
            return work(Transaction(self._own.db))
        finally:
            self._own.db.execute("ROLLBACK")

    async def transact(self, label: str, work: Callable[[Transaction], Answer]) -> Answer:
        """Wait, with the thread, for the ledger's own transaction."""
        return asyncio.run_coroutine_threadsafe(self._ledger.transact(label, work), self._loop).result()
