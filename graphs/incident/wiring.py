"""The incident graph: one durable thread an incident, suspended at `wait`."""

from collections.abc import Mapping
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, interrupt

from contracts import Json
from graphs.checkpointer import BufferedSaver
from graphs.incident.acting import dispatch, outcome
from graphs.incident.concluding import closed, conclude, expired, recovered
from graphs.incident.explaining import explain, open_incident
from graphs.incident.gating import answered, gate, unanswered
from graphs.incident.planning import plan, recall
from graphs.incident.state import IncidentState, Resumed, Update, as_node
from graphs.segment import Segment

NODES = {
    "open": open_incident,
    "explain": explain,
    "recall": recall,
    "plan": plan,
    "gate": gate,
    "answered": answered,
    "unanswered": unanswered,
    "dispatch": dispatch,
    "outcome": outcome,
    "recovered": recovered,
    "expired": expired,
    "closed": closed,
    "conclude": conclude,
}
WAITS_FOR = {
    "explaining": "more evidence",
    "observing": "the measure to recover",
    "approving": "a person's approval",
    "standing_by": "the measure, which is within its band again",
    "executing": "a command's outcome",
    "unsettled": "a person's word on a command (forestall settle)",
    "compensating": "a compensation's outcome",
    "verifying": "the measure to recover",
}
TIMERS = {
    ("approval", "approving"): "unanswered",
    ("looks", "explaining"): "explain",
    ("verify", "verifying"): "expired",
}


FIRST, WAIT = "open", "wait"


async def wait(state: IncidentState) -> Resumed:
    """Nothing before the wait: what stands before an interrupt runs again at every resume."""
    update, following = resumed(state, interrupt({"for": waits_for(state)}))
    return Command(update=update, goto=following)


def waits_for(state: Mapping[str, Any]) -> str:
    """What an interrupted thread waits for."""
    return WAITS_FOR[state["phase"]]


def resumed(state: Mapping[str, Any], mail: Json) -> tuple[Update, str]:
    """The wait's update, and the node that takes the mail."""
    return {"mail": mail}, route(mail, state["phase"])


def route(mail: Json, phase: str) -> str:
    """Which node takes the mail. What has nothing to say to this phase is put aside."""
    kind = mail["kind"]
    if kind == "look":
        return {"explaining": "explain", "standing_by": "dispatch"}.get(phase, "wait")
    if kind == "answer":
        return "answered" if phase == "approving" else "wait"
    if kind == "timer":
        return TIMERS.get((mail["timer"], phase), "wait")
    if kind in ("outcome", "recovered", "expired", "closed"):
        return str(kind)
    return "wait"


def build(saver: BufferedSaver) -> CompiledStateGraph[IncidentState, Segment, Any, Any]:
    """Compile the graph over a saver.

    Every node names the one that follows in its answer: a conditional edge would read the state once more a step.
    """
    graph = StateGraph(IncidentState, context_schema=Segment)
    for name, function in NODES.items():
        node: Any = as_node(function)  # LangGraph's overloads do not see through a wrapped node
        graph.add_node(name, node, destinations=(*NODES, WAIT, END))
    graph.add_node(WAIT, wait, destinations=(*NODES, WAIT))
    graph.add_edge(START, FIRST)
    return graph.compile(checkpointer=saver)
