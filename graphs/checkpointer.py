"""A LangGraph saver that only buffers: it hands LangGraph a stored thread, to show, resume or fork it.

Checkpoints are JSON: no class is ever revived from a stored row. They are ordered by a number of ours, because a
checkpoint's own id carries wall time, which can step back.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.types import Interrupt

INTERRUPT = "__interrupt__"
_MARK = "$interrupt"
_ATOMS = frozenset((type(None), bool, int, float, str))


class BufferedSaver(BaseCheckpointSaver[int]):
    """Holds the checkpoint of each thread that is being driven. Use with `durability="exit"`."""

    def __init__(self) -> None:
        super().__init__()
        self._docs: dict[str, dict[str, Any]] = {}

    def load(self, thread: str, doc: dict[str, Any] | None) -> None:
        """Put the stored checkpoint of a thread in place; None for a thread that has none yet."""
        self._docs.pop(thread, None)
        if doc is not None:
            self._docs[thread] = doc

    def take(self, thread: str) -> dict[str, Any] | None:
        """The checkpoint to store, as JSON; the buffer forgets it."""
        return self._docs.pop(thread, None)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return self.get_tuple(config)

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        thread = config["configurable"]["thread_id"]
        doc = self._docs.get(thread)
        if doc is None:
            return None
        checkpoint: Any = doc["checkpoint"]
        identified: RunnableConfig = {
            "configurable": {"thread_id": thread, "checkpoint_ns": "", "checkpoint_id": checkpoint["id"]}
        }
        writes = [(task, channel, _revived(value)) for task, channel, value in doc["writes"]]
        return CheckpointTuple(identified, checkpoint, doc["metadata"], None, writes)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,  # noqa: ARG002
    ) -> RunnableConfig:
        thread = config["configurable"]["thread_id"]
        self._docs[thread] = {"checkpoint": plain(checkpoint), "metadata": plain(metadata), "writes": []}
        return {"configurable": {"thread_id": thread, "checkpoint_ns": "", "checkpoint_id": checkpoint["id"]}}

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",  # noqa: ARG002
    ) -> None:
        held = self._docs[config["configurable"]["thread_id"]]["writes"]
        held += [[task_id, channel, stored(value)] for channel, value in writes]

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: ARG002
        before: RunnableConfig | None = None,  # noqa: ARG002
        limit: int | None = None,  # noqa: ARG002
    ) -> AsyncIterator[CheckpointTuple]:
        found = self.get_tuple(config) if config is not None else None
        if found is not None:
            yield found

    def list(self, *args: Any, **kwargs: Any) -> Iterator[CheckpointTuple]:  # noqa: ARG002
        raise TypeError("BufferedSaver is asynchronous: use alist")

    def get_next_version(self, current: int | None, channel: None) -> int:  # noqa: ARG002
        """Plain integers: the stock savers' versions are random, and two runs would differ."""
        return (current or 0) + 1


def stored(value: Any) -> Any:
    if isinstance(value, tuple | list) and value and all(isinstance(each, Interrupt) for each in value):
        return {_MARK: [[each.value, each.id] for each in value]}
    return plain(value)


def _revived(value: Any) -> Any:
    if isinstance(value, dict) and _MARK in value:
        return tuple(Interrupt(value=each[0], id=each[1]) for each in value[_MARK])
    return value


def plain(value: Any) -> Any:
    """JSON primitives only; anything else is a fault of the graph's state."""
    if type(value) in _ATOMS or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    raise TypeError(f"graph state holds {type(value).__name__}; only JSON primitives may be checkpointed")
