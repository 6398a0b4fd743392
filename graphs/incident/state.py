"""The state of an incident's thread: JSON primitives only."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypedDict

from langgraph.graph import END
from langgraph.runtime import Runtime
from langgraph.types import Command

from contracts import Json
from graphs.segment import Segment

Phase = Literal[
    "explaining", "observing", "approving", "standing_by", "executing", "unsettled", "compensating", "verifying"
]


class IncidentState(TypedDict, total=False):
    """`next` names the node that follows; `mail` is what resumed the thread last."""

    signal: Json
    evidence: str | None
    explanation: Json
    situation: Json
    applicable: list[str]
    notes: list[str]
    episodes: list[str]
    record: Json
    plan: Json
    ruling: str
    authority: str
    value_ceiling: str
    request: str | None
    commands: dict[str, Json]
    acted_at: int
    recovered: Json | None
    ending: Json
    phase: Phase
    mail: Json
    next: str
    step: int


Update = dict[str, Any]
Resumed = Command[Any]
"""What a node answers: its update, and where the thread goes on."""
Node = Callable[[IncidentState, Segment], Awaitable[Update]]


async def answer(function: Node, state: IncidentState, segment: Segment) -> tuple[Update, str | None]:
    """A node's update, with the count of the decisions, and the node that follows; None at the end."""
    segment.step = state.get("step", 0)
    update = await function(state, segment)
    following = update["next"]
    return {**update, "step": segment.step}, None if following == "end" else following


def as_node(function: Node) -> Callable[[IncidentState, Runtime[Segment]], Awaitable[Resumed]]:
    """A LangGraph node over (state, segment) that goes to the node named as `next`."""

    async def node(state: IncidentState, runtime: Runtime[Segment]) -> Resumed:
        update, following = await answer(function, state, runtime.context)
        return Command(update=update, goto=following or END)

    node.__name__ = function.__name__
    return node
