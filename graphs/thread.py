"""A thread of a LangGraph graph in which one node runs at a time: the checkpoint that LangGraph would write for it.

LangGraph decides what runs next from versions: a channel's version rises when it is written, and a node has seen the
version of its trigger (`branch:to:<node>`) that it ran at. With one node a step, all of it follows from the number of
steps.
What is written here LangGraph reads, resumes and forks; `tests/graphs/test_walking.py` holds both against each other.
"""

from collections.abc import Collection, Mapping
from typing import Any

from langgraph.types import Interrupt
from xxhash import xxh3_128

from contracts import to_iso
from graphs.checkpointer import INTERRUPT, plain, stored

FORMAT = 4
"""LangGraph's `Checkpoint.v`."""


class Thread:
    """The state, the versions and the step of one thread. `values` is what the next node is given."""

    def __init__(self, fields: Collection[str], doc: Mapping[str, Any] | None) -> None:
        self._fields = fields
        checkpoint = doc["checkpoint"] if doc else {}
        self.values = {name: value for name, value in checkpoint.get("channel_values", {}).items() if name in fields}
        self._versions: dict[str, int] = dict(checkpoint.get("channel_versions", {}))
        self._seen: dict[str, dict[str, int]] = dict(checkpoint.get("versions_seen", {"__input__": {}}))
        self._step: int = doc["metadata"]["step"] if doc else -1
        self._updated: list[str] = []

    def begin(self, given: Mapping[str, Any], first: str) -> None:
        """The input of a new thread; `first` is the node behind START."""
        self._versions["__start__"] = 1
        self._ran("__start__", "__start__", given, first)

    def resume(self) -> None:
        """Go on behind the wait."""
        self._seen["__interrupt__"] = dict(self._versions)

    def ran(self, node: str, update: Mapping[str, Any], goto: str | None) -> None:
        """A node has answered; `goto` is the one that follows, None at the end.

        Raises:
            KeyError: the update names something that is no field of the state.
        """
        self._ran(node, _trigger(node), update, goto)

    def _ran(self, node: str, trigger: str, update: Mapping[str, Any], goto: str | None) -> None:
        if unknown := update.keys() - self._fields:
            raise KeyError(f"node {node}: {sorted(unknown)}: no fields of the state")
        self._seen[node] = {trigger: self._versions[trigger]}
        self._step += 1
        self.values.update(update)
        self._updated = [*update, _trigger(goto)] if goto else list(update)
        version = self._step + 2
        for channel in (trigger, *self._updated):
            self._versions[channel] = version

    def waiting(self, node: str, value: Any, *, number: int, name: str, at: int) -> dict[str, Any]:
        """The checkpoint of a thread whose `node` is interrupted with `value`, the `number`th of this name, as JSON.

        Its id rises with the number and carries no wall time; `at` (microseconds) is the injected clock's.
        """
        checkpoint_id = f"{number:08x}-0000-6000-8000-{_hex(name.encode())[:12]}"
        task = _task_id(checkpoint_id, node, self._step + 1)
        interrupt = Interrupt(value=value, id=_hex(f"{node}:{task}".encode()))
        checkpoint = {
            "v": FORMAT,
            "ts": to_iso(at),
            "id": checkpoint_id,
            "channel_values": {**plain(self.values), _trigger(node): None},
            "channel_versions": self._versions,
            "versions_seen": self._seen,
            "updated_channels": sorted(self._updated),
        }
        metadata = {"source": "loop", "step": self._step, "parents": {}}
        return {"checkpoint": checkpoint, "metadata": metadata, "writes": [[task, INTERRUPT, stored((interrupt,))]]}


def _trigger(node: str) -> str:
    return f"branch:to:{node}"


def _task_id(checkpoint_id: str, node: str, step: int) -> str:
    parts = (node, str(step), node, "__pregel_pull", _trigger(node))
    digest = _hex(bytes.fromhex(checkpoint_id.replace("-", "")) + "".join(parts).encode())
    return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:]))


def _hex(data: bytes) -> str:
    return xxh3_128(data).hexdigest()
