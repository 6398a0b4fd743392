"""A reflex that its own commands would set off is told; what cannot match is none."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from forestall.errors import PackError
from forestall.packs import load_pack

ISSUED = "forestall.command.issued"


def tool(name: str, topic: str) -> dict[str, Any]:
    return {"name": name, "topic": topic, "title": name, "arguments": {"properties": {"why": {}}}}


def reflex(name: str, kind: str, calls: str, **changes: Any) -> dict[str, Any]:
    return {"name": name, "of": [kind], "tool": calls, "arguments": {"why": "x"}, **changes}


def stream(topic: str, kind: str = ISSUED, **changes: Any) -> dict[str, Any]:
    return {"topic": topic, "types": [{"type": kind}], **changes}


def mapped(topic: str, fields: dict[str, str], kind: str = "order.placed") -> dict[str, Any]:
    return {"topic": topic, "mapping": {"type": kind, "time": "time", "fields": fields}}


def told(parcels: Path, streams: list[Any], tools: list[Any], reflexes: list[Any]) -> tuple[str, ...]:
    file = parcels / "pack.yaml"
    manifest = yaml.safe_load(file.read_text())
    manifest["streams"] += streams
    manifest |= {"topic_tools": tools, "reflexes": reflexes}
    manifest["autonomy"]["rules"] += [{"tool": each["name"], "may": "alone"} for each in tools]
    file.write_text(yaml.safe_dump(manifest, sort_keys=False))
    try:
        load_pack(file)
    except PackError as error:
        return error.mistakes
    return ()


HOLD = tool("hold", "orders")


@pytest.mark.parametrize(
    ("streams", "reflexes"),
    [
        ([stream("orders")], [reflex("r", ISSUED, "hold")]),
        ([{**stream(""), "topic": None, "topics": "ord.*"}], [reflex("r", ISSUED, "hold")]),
        ([stream("orders")], [reflex("r", ISSUED, "hold", where=[{"field": "tool", "equals": "hold"}])]),
        ([stream("orders")], [reflex("r", ISSUED, "hold", where=[{"field": "deadline", "equals": 7}])]),
        ([mapped("orders", {"why": "data.arguments.why"})], [reflex("r", "order.placed", "hold")]),
        (
            [mapped("orders", {"why": "data.arguments.why"})],
            [reflex("r", "order.placed", "hold", where=[{"field": "why", "prefix": "x"}])],
        ),
        ([stream("forestall.commands")], [reflex("r", ISSUED, "hold")]),
    ],
)
def test_a_reflex_that_sets_itself_off_is_told(parcels: Path, streams: list[Any], reflexes: list[Any]) -> None:
    (mistake,) = told(parcels, streams, [HOLD], reflexes)
    assert f"the {ISSUED} that comes of it, and 'r' would set itself off without end; " in mistake
    file, line, field = mistake.split(":")[:3]
    ours = streams[0]["topic"] == "forestall.commands"
    assert field.strip() == ("reflexes[0].of" if ours else "topic_tools[0].topic")
    assert ("leave it out, or heed another type" if ours else "choose a topic that the pack does not read") in mistake
    assert Path(file).read_text().splitlines()[int(line) - 1].strip() == ("of:" if ours else "topic: orders")


def test_a_circle_of_reflexes_is_told(parcels: Path) -> None:
    streams = [stream("orders"), mapped("returns", {"tool": "data.tool"})]
    reflexes = [reflex("a", "order.placed", "hold"), reflex("b", ISSUED, "back")]
    mistakes = told(parcels, streams, [HOLD, tool("back", "returns")], reflexes)
    for mistake, (name, through) in zip(mistakes, [("a", "b"), ("b", "a")], strict=True):
        assert f"'{name}' would set itself off through '{through}' without end" in mistake


@pytest.mark.parametrize(
    ("streams", "reflexes"),
    [
        ([], [reflex("r", "parcel.returned", "hold")]),
        ([stream("orders", "order.placed", others="ignore")], [reflex("r", "order.placed", "hold")]),
        ([stream("orders")], [reflex("r", "parcel.returned", "hold")]),
        ([stream("orders")], [reflex("r", ISSUED, "hold", where=[{"field": "tool", "equals": "free"}])]),
        ([stream("orders")], [reflex("r", ISSUED, "hold", where=[{"field": "card", "prefix": "c"}])]),
        ([stream("orders")], [reflex("r", ISSUED, "hold", arguments={"why": "$reason"})]),
        ([stream("orders", keep=[{"field": "pack", "equals": "other"}])], [reflex("r", ISSUED, "hold")]),
        ([mapped("orders", {"no": "order_no"})], [reflex("r", "order.placed", "hold")]),
        (
            [mapped("orders", {"why": "data.arguments.why"})],
            [reflex("r", "order.placed", "hold", where=[{"field": "why", "equals": "y"}])],
        ),
    ],
)
def test_what_cannot_match_is_no_loop(parcels: Path, streams: list[Any], reflexes: list[Any]) -> None:
    assert told(parcels, streams, [HOLD], reflexes) == ()


def test_one_reflex_may_heed_another(parcels: Path) -> None:
    reflexes = [reflex("a", "parcel.returned", "hold"), reflex("b", ISSUED, "back")]
    assert told(parcels, [stream("orders")], [HOLD, tool("back", "elsewhere")], reflexes) == ()
