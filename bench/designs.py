"""Other ways to keep a run, over the same driver and ledger (`docs/design/checkpoints.md`)."""

from collections.abc import Sequence
from typing import Any, ClassVar

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command, Durability

from contracts import Json
from graphs import IncidentDriver, Services
from graphs.checkpointer import BufferedSaver
from graphs.incident import build
from graphs.segment import Segment
from ledger import Transaction
from ledger.documents import pack_doc


class SyncSaver(BufferedSaver):
    """Every checkpoint and every write of a node is flushed at once, through the ledger's group commit."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services

    async def aput(self, config: RunnableConfig, *args: Any) -> RunnableConfig:
        told = await super().aput(config, *args)
        await self._flush(config["configurable"]["thread_id"])
        return told

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        await super().aput_writes(config, writes, task_id, task_path)
        await self._flush(config["configurable"]["thread_id"])

    async def _flush(self, thread: str) -> None:
        doc = pack_doc(self._docs[thread])

        def write(tx: Transaction) -> None:
            tx.runs._db.execute("INSERT OR REPLACE INTO checkpoints VALUES (?, 0, ?)", (thread, doc))

        await self._services.ledger.transact("checkpoint", write)


class GraphDriver(IncidentDriver):
    """Ours, with LangGraph running the graph between the waits, over the buffered saver."""

    durability: ClassVar[Durability] = "exit"

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self._saver = self.saver()
        self._graph: Any = build(self._saver)

    def saver(self) -> BufferedSaver:
        return BufferedSaver()

    async def _advance(
        self,
        doc: dict[str, Any] | None,
        mail: Json,
        segment: Segment,
        number: int,  # noqa: ARG002
    ) -> tuple[dict[str, Any], dict[str, Any] | None]:
        name = segment.run.thread
        self._saver.load(name, doc)
        config = {"configurable": {"thread_id": name}, "recursion_limit": 50}
        given: Any = {"mail": mail, "step": 0} if doc is None else Command(resume=mail)
        state = await self._graph.ainvoke(given, config, context=segment, durability=self.durability)
        return state, self._saver.take(name)


class SyncDriver(GraphDriver):
    """Ours, with a flushed checkpoint a node."""

    durability = "sync"

    def saver(self) -> BufferedSaver:
        return SyncSaver(self._services)
