"""Loops over what we write ourselves (rulings, outcomes, announcements, dead letters), and types that keep them out."""

from pathlib import Path
from typing import Any

import pytest

from forestall.packs.loops import DEAD_LETTERS
from tests.forestall.test_reflex_loops import HOLD, ISSUED, mapped, reflex, stream, told
from triggers import relay

DECIDED, DONE = "forestall.decision.made", "forestall.command.succeeded"
RULES: dict[str, Any] = {"calls": "open_depot", "arguments": {"depot": "x"}}


@pytest.fixture(autouse=True)
def announcing(parcels: Path) -> None:
    """`open_depot` announces `depot.opened` on the topic `depot`, and may act alone."""
    tools, pack = parcels / "tools.py", parcels / "pack.yaml"
    plain = '@tool(effect="keyed")\nasync def open_depot'
    assert plain in tools.read_text()
    tools.write_text(tools.read_text().replace(plain, plain.replace(")", ', announces="depot.opened")', 1)))
    pack.write_text(pack.read_text().replace("open_depot, may: approve", "open_depot, may: alone"))


def typed(schema: dict[str, Any], topic: str = "orders", kind: str = ISSUED) -> dict[str, Any]:
    return {"topic": topic, "types": [{"type": kind, "data": schema}]}


def only(field: str, value: Any) -> dict[str, Any]:
    return {"where": [{"field": field, "equals": value}]}


LOOPS: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "its own ruling": ([stream("forestall.decisions", DECIDED)], reflex("r", DECIDED, "hold")),
    "that it cannot be called": (
        [stream("forestall.decisions", DECIDED)],
        reflex("r", DECIDED, "hold", arguments={"why": "$card"}),
    ),
    "its ruling through another topic": (
        [
            stream("forestall.decisions", DECIDED, processed="told"),
            mapped("told", {"graph": "data.graph"}, "ruling.told"),
        ],
        reflex("r", "ruling.told", "hold"),
    ),
    "a field that is always so": (
        [stream("forestall.decisions", DECIDED)],
        reflex("r", DECIDED, "hold", **only("graph", "reflex")),
    ),
    "what may be in a part": (
        [stream("orders")],
        reflex("r", ISSUED, "hold", arguments={"why": "$tool"}, **only("arguments", {"why": "hold"})),
    ),
    "a default of the type": (
        [typed({"properties": {"kind": {"default": "sent"}}})],
        reflex("r", ISSUED, "hold", **only("kind", "sent")),
    ),
    "how the call goes": (
        [stream("forestall.decisions", DECIDED)],
        reflex("r", DECIDED, **RULES, **only("graph", "execution")),
    ),
    "the outcome": ([stream("forestall.commands", DONE, others="ignore")], reflex("r", DONE, **RULES)),
    "what the tool announces": ([stream("depot", "depot.opened")], reflex("r", "depot.opened", **RULES)),
    "an announcement of unknown data": (
        [stream("depot", "depot.opened")],
        reflex("r", "depot.opened", **{**RULES, "arguments": {"depot": "$depot"}}, **only("depot", "north")),
    ),
}
NONE: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "the rulings on incidents": (
        [stream("forestall.decisions", DECIDED)],
        reflex("r", DECIDED, "hold", **only("graph", "incident")),
    ),
    "a ruling of another reflex": (
        [
            mapped("forestall.decisions", {"by": "data.semantic.tool"}, "ruling.told"),
        ],
        reflex("r", "ruling.told", "hold", **only("by", "open_depot")),
    ),
    "calls, of a tool that somebody else runs": (
        [stream("forestall.decisions", DECIDED)],
        reflex("r", DECIDED, "hold", **only("graph", "execution")),
    ),
    "outcomes, of a tool that somebody else runs": (
        [stream("forestall.commands", DONE, others="ignore")],
        reflex("r", DONE, "hold"),
    ),
    "outcomes of another tool": (
        [stream("forestall.commands", DONE, others="ignore")],
        reflex("r", DONE, **RULES, **only("tool", "close_depot")),
    ),
    "what another tool announces": ([stream("depot", "depot.opened")], reflex("r", "depot.opened", "hold")),
    "left out by keep before it is passed on": (
        [
            stream("forestall.decisions", DECIDED, processed="told", keep=[{"field": "graph", "equals": "incident"}]),
            mapped("told", {"graph": "data.graph"}, "ruling.told"),
        ],
        reflex("r", "ruling.told", "hold"),
    ),
    "required": ([typed({"required": ["card"]})], reflex("r", ISSUED, "hold")),
    "const": ([typed({"properties": {"tool": {"const": "free"}}})], reflex("r", ISSUED, "hold")),
    "enum": ([typed({"properties": {"topic": {"enum": ["other"]}}})], reflex("r", ISSUED, "hold")),
    "no such field": ([typed({"properties": {"pack": False}})], reflex("r", ISSUED, "hold")),
    "closed": ([typed({"properties": {"why": {}}, "additionalProperties": False})], reflex("r", ISSUED, "hold")),
    "deeper": (
        [typed({"properties": {"arguments": {"properties": {"why": {"type": "integer"}}}}})],
        reflex("r", ISSUED, "hold"),
    ),
    "referred to": (
        [typed({"properties": {"tool": {"$ref": "#/$defs/free"}}, "$defs": {"free": {"const": "free"}}})],
        reflex("r", ISSUED, "hold"),
    ),
}
FITTING: dict[str, dict[str, Any]] = {
    "const": {"properties": {"tool": {"const": "hold"}}},
    "enum": {"properties": {"topic": {"enum": ["other", "orders"]}}},
    "not known before": {"properties": {"deadline": {"const": 7}}},
    "closed, with patterns": {"patternProperties": {".": {}}, "additionalProperties": False},
    "beside a reference": {"$ref": "#/$defs/any", "required": ["card"], "$defs": {"any": {}}},
    "a reference to nothing": {"properties": {"tool": {"$ref": "#/$defs/nothing"}}},
    "deeper": {"properties": {"arguments": {"properties": {"why": {"type": "string"}}}}},
}


@pytest.mark.parametrize("row", LOOPS)
def test_what_comes_of_a_reflex_may_set_it_off(parcels: Path, row: str) -> None:
    streams, rule = LOOPS[row]
    (mistake,) = told(parcels, streams, [HOLD], [rule])
    assert "'r' would set itself off without end; " in mistake
    assert ("heed another type, or call another tool" in mistake) == (rule["of"] == ["depot.opened"])


@pytest.mark.parametrize("row", NONE)
def test_what_is_kept_out_is_no_loop(parcels: Path, row: str) -> None:
    streams, rule = NONE[row]
    assert told(parcels, streams, [HOLD], [rule]) == ()


@pytest.mark.parametrize("row", FITTING)
def test_a_type_that_takes_the_command_keeps_nothing_out(parcels: Path, row: str) -> None:
    (mistake,) = told(parcels, [typed(FITTING[row])], [HOLD], [reflex("r", ISSUED, "hold")])
    assert "topic_tools[0].topic: 'orders': " in mistake


def test_a_schema_that_is_none_is_told_beside_the_loop(parcels: Path) -> None:
    mistakes = told(parcels, [typed({"required": 5})], [HOLD], [reflex("r", ISSUED, "hold")])
    assert ["not JSON Schema" in each or "without end" in each for each in mistakes] == [True, True]


@pytest.mark.parametrize("named", [{"topic": DEAD_LETTERS}, {"topic": None, "topics": r"forestall\..*"}])
def test_a_stream_of_dead_letters_is_told(parcels: Path, named: dict[str, Any]) -> None:
    """It needs no reflex: what cannot be taken there comes back on it."""
    assert DEAD_LETTERS == relay.DEAD_LETTERS
    (mistake,) = told(parcels, [{**mapped("", {"why": "why"}), **named}], [], [])
    assert f"reads {DEAD_LETTERS}: what could not be taken there would come back on it without end; look" in mistake
    assert "streams[1].topic" in mistake
