"""The walk against LangGraph itself: whole stories again, with each segment run by both from the same stored thread.

State, effects and checkpoint have to be equal, LangGraph has to see the stored thread as interrupted, and either goes
on from what the other stored.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from langgraph.types import Command

from contracts import Json, canonical
from graphs import IncidentDriver
from graphs import thread as threads
from graphs.checkpointer import BufferedSaver
from graphs.incident import NODES, build, walk, walking
from graphs.segment import Segment
from tests.graphs.conftest import Start
from tests.graphs.plant import PROMPT, Plant, play
from tests.graphs.test_checkpointer import neutral
from tests.graphs.test_compensation import (
    test_a_compensation_that_fails_is_told_and_the_others_go_on,
    test_a_failing_task_is_compensated_in_reverse,
)
from tests.graphs.test_incident import (
    test_a_person_closes_it,
    test_acted_but_not_recovered_in_time,
    test_alone_under_evidence_and_a_standing_approval,
    test_an_unknown_outcome_waits_for_a_persons_word,
    test_approved_carried_out_and_recovered,
    test_denied,
    test_nobody_answers,
    test_observe_says_what_it_would_do,
    test_standing_by_ends_when_it_is_wrong_again,
)

__all__ = [
    "test_a_compensation_that_fails_is_told_and_the_others_go_on",
    "test_a_failing_task_is_compensated_in_reverse",
    "test_a_person_closes_it",
    "test_acted_but_not_recovered_in_time",
    "test_alone_under_evidence_and_a_standing_approval",
    "test_an_unknown_outcome_waits_for_a_persons_word",
    "test_approved_carried_out_and_recovered",
    "test_denied",
    "test_nobody_answers",
    "test_observe_says_what_it_would_do",
    "test_standing_by_ends_when_it_is_wrong_again",
]

Doc = dict[str, Any] | None


class Beside:
    """LangGraph over the buffered saver, beside the walk."""

    def __init__(self) -> None:
        self.saver = BufferedSaver()
        self.graph: Any = build(self.saver)
        self.segments = 0
        self.faults: list[AssertionError] = []

    async def langgraph(self, doc: Doc, mail: Json, segment: Segment) -> tuple[dict[str, Any], Doc]:
        name = segment.run.thread
        self.saver.load(name, json.loads(json.dumps(doc)))
        given: Any = {"mail": mail, "step": 0} if doc is None else Command(resume=mail)
        state = await self.graph.ainvoke(given, config(name), context=segment, durability="exit")
        waiting = state.pop("__interrupt__", None)
        kept = self.saver.take(name)
        return state, kept if waiting else None

    async def interrupts(self, name: str, doc: Doc) -> list[Any]:
        """What LangGraph says a stored thread waits for."""
        self.saver.load(name, json.loads(json.dumps(doc)))
        snapshot = await self.graph.aget_state(config(name))
        self.saver.take(name)
        assert snapshot.next == ("wait",)
        return [each.value for each in snapshot.interrupts]

    async def both(self, doc: Doc, mail: Json, segment: Segment, number: int) -> tuple[dict[str, Any], Doc]:
        other = Segment(segment.run, segment.services, segment.now, segment.event_now)
        theirs, their_doc = await self.langgraph(doc, mail, other)
        ours, our_doc = await walk(json.loads(json.dumps(doc)), mail, segment, number)
        assert ours == theirs
        assert effects(segment) == effects(other)
        assert (our_doc is None) == (their_doc is None)
        if our_doc is not None:
            assert canonical(neutral(our_doc, {})) == canonical(neutral(their_doc, {}))
            name, waits = segment.run.thread, [our_doc["writes"][0][2]["$interrupt"][0][0]]
            assert await self.interrupts(name, our_doc) == waits == await self.interrupts(name, their_doc)
        self.segments += 1
        return ours, (our_doc if self.segments % 3 else their_doc)


def config(name: str) -> dict[str, Any]:
    return {"configurable": {"thread_id": name}, "recursion_limit": walking.STEPS_MAX}


def effects(segment: Segment) -> list[Any]:
    return [getattr(segment, name) for name in Segment.__slots__ if name not in ("run", "services")]


@pytest.fixture(autouse=True)
def beside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Beside]:
    made = Beside()

    async def advance(
        driver: IncidentDriver,  # noqa: ARG001
        doc: Doc,
        mail: Json,
        segment: Segment,
        number: int,
    ) -> tuple[dict[str, Any], Doc]:
        try:
            return await made.both(doc, mail, segment, number)
        except AssertionError as fault:  # the driver takes it for a failed attempt
            made.faults.append(fault)
            raise

    monkeypatch.setattr(IncidentDriver, "_advance", advance)
    yield made
    assert made.faults == []


async def test_every_segment_was_compared(plant: Plant, start: Start, beside: Beside) -> None:
    plant.operator = PROMPT
    await play(start())
    assert beside.segments == 8


async def test_the_control_a_wrong_task_is_no_interrupt(
    plant: Plant, start: Start, beside: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = threads._task_id
    monkeypatch.setattr(threads, "_task_id", lambda checkpoint, node, step: real(checkpoint, node, step + 1))
    plant.operator = PROMPT
    await play(start())
    assert beside.faults
    beside.faults.clear()


async def test_an_update_of_no_field_is_refused() -> None:
    thread = threads.Thread({"a"}, None)
    thread.begin({"a": 1}, "first")
    with pytest.raises(KeyError, match=r"node first: \['b'\]: no fields of the state"):
        thread.ran("first", {"b": 1}, None)


async def test_a_graph_that_never_waits_is_stopped(
    start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(IncidentDriver, "_advance", lambda driver, *given: walk(*given))  # noqa: ARG005

    async def again(state: Any, segment: Segment) -> dict[str, Any]:  # noqa: ARG001
        return {"next": "explain"}

    monkeypatch.setitem(NODES, "explain", again)
    await play(start(), [4.0, 4.0, 4.0, 12.0, 12.0])
    assert "more than 50 nodes without a wait" in caplog.text
