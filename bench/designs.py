"""Other ways to keep a run, over the same driver and ledger (`docs/design/checkpoints.md`)."""

from collections.abc import Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, Durability, interrupt

from graphs import IncidentDriver, Services
from graphs.checkpointer import BufferedSaver
from graphs.driver import _Taken
from graphs.incident import NODES, WAITS_FOR, IncidentState, build
from graphs.incident.state import Resumed
from graphs.incident.wiring import route
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


class SyncDriver(IncidentDriver):
    """Ours, with a flushed checkpoint a node."""

    durability: Durability = "sync"  # type: ignore[misc]

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self._saver = SyncSaver(services)
        self._graph = build(self._saver)


def build_chained(saver: Any) -> Any:
    """Two LangGraph nodes: `advance` calls the incident's nodes one after the other up to the next wait, and `wait`."""

    async def advance(state: IncidentState, runtime: Runtime[Segment]) -> Resumed:
        segment, whole, changed = runtime.context, dict(state), {}
        segment.step = state.get("step", 0)
        node = route(state["mail"], state["phase"]) if "phase" in state else "open"
        while node not in ("wait", "end"):
            update = await NODES[node](whole, segment)  # type: ignore[arg-type]
            whole.update(update)
            changed.update(update)
            node = whole["next"]
        return Command(update=changed | {"step": segment.step}, goto=END if node == "end" else "wait")

    async def wait(state: IncidentState) -> Resumed:
        return Command(update={"mail": interrupt({"for": WAITS_FOR[state["phase"]]})}, goto="advance")

    graph = StateGraph(IncidentState, context_schema=Segment)
    node: Any = advance
    graph.add_node("advance", node, destinations=("wait", END))
    graph.add_node("wait", wait, destinations=("advance",))
    graph.add_edge(START, "advance")
    return graph.compile(checkpointer=saver)


class ChainedDriver(IncidentDriver):
    """Ours over the graph of two nodes."""

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self._graph = build_chained(self._saver)


class PlainDriver(IncidentDriver):
    """The same nodes called one after the other, without LangGraph; the state is the checkpoint."""

    async def _drive(self, taken: _Taken, now: int) -> None:
        run, mail = taken.run, taken.mail
        assert mail is not None
        segment = Segment(run, self._services, now, taken.event_now)
        state: IncidentState = taken.checkpoint[1] if taken.checkpoint else {"step": 0}  # type: ignore[assignment]
        state["mail"] = mail.body
        node = route(mail.body, state["phase"]) if taken.checkpoint else "open"
        while node not in ("wait", "end"):
            segment.step = state["step"]
            state.update(await NODES[node](state, segment))  # type: ignore[typeddict-item]
            state["step"], node = segment.step, state["next"]

        def commit(tx: Transaction) -> None:
            segment.commit(tx)
            tx.runs.consume(mail)
            if segment.finished_at is None:
                tx.runs.save(run.thread, taken.checkpoint[0] + 1 if taken.checkpoint else 1, dict(state))
                tx.runs.suspend(run, WAITS_FOR[state["phase"]], now)

        await self._services.ledger.transact("run:plain", commit)
