"""The state of an incident's thread: JSON primitives only."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypedDict

from langgraph.runtime import Runtime

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
Node = Callable[[IncidentState, Segment], Awaitable[Update]]


def as_node(function: Node) -> Callable[[IncidentState, Runtime[Segment]], Awaitable[Update]]:
    """A LangGraph node over (state, segment) that keeps count of the decisions."""

    async def node(state: IncidentState, runtime: Runtime[Segment]) -> Update:
        segment = runtime.context
        segment.step = state.get("step", 0)
        update = await function(state, segment)
        return {**update, "step": segment.step}

    node.__name__ = function.__name__
    return node
