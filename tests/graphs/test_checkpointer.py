"""The buffered saver: JSON only, resumable, and the same from run to run."""

import json
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from contracts import canonical
from graphs.checkpointer import BufferedSaver
from tests.graphs.plant import BURST, PROMPT, Plant, play


class State(TypedDict, total=False):
    given: Any
    seen: list[Any]


async def first(state: State) -> State:
    return {"seen": [state["given"], "first"]}


async def wait(state: State) -> State:
    return {"seen": [*state["seen"], interrupt({"for": "mail", "n": len(state["seen"])})]}


def build(saver: BufferedSaver) -> Any:
    graph = StateGraph(State)
    graph.add_node("first", first)
    graph.add_node("wait", wait)
    graph.add_edge(START, "first")
    graph.add_edge("first", "wait")
    graph.add_conditional_edges("wait", lambda state: END if len(state["seen"]) > 3 else "wait")
    return graph.compile(checkpointer=saver)


CONFIG: Any = {"configurable": {"thread_id": "t"}}


async def drive(doc: dict[str, Any] | None, given: Any) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """One segment in a process of its own: a new graph and a new saver over what was stored."""
    saver = BufferedSaver()
    saver.load("t", doc)
    state = await build(saver).ainvoke(given, CONFIG, durability="exit")
    return state, saver.take("t")


def through_the_ledger(doc: dict[str, Any] | None) -> dict[str, Any]:
    assert doc is not None
    return json.loads(json.dumps(doc))  # type: ignore[no-any-return]


async def test_a_thread_goes_on_in_another_process() -> None:
    state, doc = await drive(None, {"given": {"a": [1, None, 2.5]}})
    assert [each.value for each in state["__interrupt__"]] == [{"for": "mail", "n": 2}]
    state, doc = await drive(through_the_ledger(doc), Command(resume="one"))
    assert [each.value for each in state["__interrupt__"]] == [{"for": "mail", "n": 3}]
    state, doc = await drive(through_the_ledger(doc), Command(resume={"two": 2}))
    assert state["seen"] == [{"a": [1, None, 2.5]}, "first", "one", {"two": 2}]
    assert "__interrupt__" not in state


async def test_the_same_checkpoint_resumes_the_same_way_however_often() -> None:
    _, doc = await drive(None, {"given": 1})
    kept = through_the_ledger(doc)
    states = [(await drive(through_the_ledger(kept), Command(resume="x")))[0]["seen"] for _ in range(3)]
    assert states == [[1, "first", "x"]] * 3


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", {"deep": [object()]}, Path("x")])
async def test_what_is_no_json_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match=r"graph state holds \w+; only JSON primitives may be checkpointed"):
        await drive(None, {"given": value})


async def test_what_was_taken_is_forgotten() -> None:
    _, doc = await drive(None, {"given": 1})
    saver = BufferedSaver()
    saver.load("t", doc)
    assert saver.take("t") == doc
    assert saver.take("t") is None


async def test_threads_do_not_mix() -> None:
    saver = BufferedSaver()
    graph = build(saver)
    for thread in ("a", "b"):
        await graph.ainvoke({"given": thread}, {"configurable": {"thread_id": thread}}, durability="exit")
    docs = {thread: saver.take(thread) for thread in ("a", "b")}
    assert [doc["checkpoint"]["channel_values"]["given"] for doc in docs.values() if doc] == ["a", "b"]


async def test_listing_shows_the_one_that_is_held() -> None:
    saver = BufferedSaver()
    assert [each async for each in saver.alist(CONFIG)] == []
    _, doc = await drive(None, {"given": 1})
    saver.load("t", doc)
    (held,) = [each async for each in saver.alist(CONFIG)]
    assert held.checkpoint["channel_values"]["given"] == 1
    assert [each async for each in saver.alist(None)] == []
    with pytest.raises(TypeError, match="use alist"):
        saver.list(CONFIG)


def neutral(value: Any, names: dict[str, str]) -> Any:
    """The document with LangGraph's own ids by their order of appearance, and without its wall time."""
    if isinstance(value, dict):
        return {neutral(key, names): neutral(item, names) for key, item in value.items() if key not in ("ts", "id")}
    if isinstance(value, list):
        return [neutral(item, names) for item in value]
    if isinstance(value, str) and len(value) in (32, 36) and set(value) <= set("0123456789abcdef-"):
        return names.setdefault(value, f"id-{len(names)}")
    return value


async def stored(plant: Plant) -> list[bytes]:
    """Every checkpoint of the story's incident, as it was stored."""
    docs = []
    plant.operator = PROMPT
    process = plant.open()
    real = process.ledger.transact

    async def watching(label: str, work: Any) -> Any:
        answer = await real(label, work)
        if label.startswith("run:wait"):
            for run in await process.ledger.read(lambda tx: tx.runs.unfinished()):
                found = await process.ledger.read(lambda tx, run=run: tx.runs.checkpoint(run.thread))  # type: ignore[misc]
                assert found is not None
                docs.append(canonical(found[1]))
        return answer

    process.ledger.transact = watching  # type: ignore[method-assign]
    await play(process, BURST)
    await process.close()
    return docs


async def test_two_runs_store_the_same_bytes(tmp_path: Path) -> None:
    one, two = [await stored(Plant(tmp_path / name)) for name in ("one", "two")]
    assert len(one) >= 5
    assert one == two
