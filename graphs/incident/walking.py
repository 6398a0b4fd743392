"""An incident from one wait to the next, its nodes called one after the other.

What runs is `wiring.build`'s graph, and what is stored is its checkpoint; only LangGraph's loop is left out between two
waits, where there is nothing to checkpoint, to stream or to run side by side (`docs/design/checkpoints.md`).
"""

from typing import Any

from contracts import Json
from graphs.incident.state import IncidentState, answer
from graphs.incident.wiring import FIRST, NODES, WAIT, resumed, waits_for
from graphs.segment import Segment
from graphs.thread import Thread

STEPS_MAX = 50
"""Nodes between two waits; LangGraph's `recursion_limit`."""
_FIELDS = frozenset(IncidentState.__annotations__)


async def walk(
    doc: dict[str, Any] | None, mail: Json, segment: Segment, number: int
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Hand the mail to the thread and run it to its next wait or its end.

    Returns:
        The state, and the checkpoint to store, the thread's `number`th; None when the graph has ended.

    Raises:
        RuntimeError: more than `STEPS_MAX` nodes ran.
    """
    thread = Thread(_FIELDS, doc)
    if doc is None:
        thread.begin({"mail": mail, "step": 0}, FIRST)
        node: str | None = FIRST
    else:
        thread.resume()
        update, node = resumed(thread.values, mail)
        thread.ran(WAIT, update, node)
    for _ in range(STEPS_MAX):
        if node is None:
            return thread.values, None
        if node == WAIT:
            asked = {"for": waits_for(thread.values)}
            return thread.values, thread.waiting(WAIT, asked, number=number, name=segment.run.thread, at=segment.now)
        ran = node
        update, node = await answer(NODES[ran], {**thread.values}, segment)  # type: ignore[typeddict-item]
        thread.ran(ran, update, node)
    raise RuntimeError(f"run {segment.run.thread}: more than {STEPS_MAX} nodes without a wait")
