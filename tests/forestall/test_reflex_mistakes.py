"""A reflex that could never act, or that names what is not there, is told with its line."""

import shutil
from pathlib import Path

import pytest
import yaml

from forestall.errors import PackError
from forestall.packs import load_pack

GOOD = {
    "topic_tools": [
        {
            "name": "hold",
            "topic": "parcels.commands",
            "title": "Hold a parcel",
            "arguments": {"type": "object", "required": ["parcel"], "properties": {"parcel": {"type": "string"}}},
        }
    ],
    "reflexes": [{"name": "hold_it", "of": ["parcel.returned"], "tool": "hold", "arguments": {"parcel": "$parcel"}}],
}


def written(parcels: Path, **changes: object) -> Path:
    file = parcels / "pack.yaml"
    manifest = yaml.safe_load(file.read_text())
    manifest |= {name: [{**GOOD[name][0], **value}] for name, value in changes.items() if name in GOOD} or {}
    for name, good in GOOD.items():
        manifest.setdefault(name, good)
    manifest["autonomy"]["rules"].append({"tool": "hold", "may": changes.get("may", "alone")})
    file.write_text(yaml.safe_dump(manifest, sort_keys=False))
    return file


def test_a_good_reflex_is_taken(parcels: Path) -> None:
    manifest = load_pack(written(parcels)).manifest
    assert manifest.reflex_template(manifest.reflexes[0]).startswith("reflex.hold_it@1:")


@pytest.mark.parametrize(
    "changes",
    [
        {"reflexes": {"arguments": {"parcel": "all"}}},
        {"reflexes": {"where": [{"field": "depot", "equals": "x"}]}},
        {"reflexes": {"at_most": 7}},
        {"topic_tools": {"topic": "elsewhere"}},
    ],
)
def test_a_leave_is_for_this_very_rule(parcels: Path, tmp_path: Path, changes: dict[str, object]) -> None:
    """Though nobody raised the version."""
    other = shutil.copytree(parcels, tmp_path / "other")
    before, after = load_pack(written(parcels)).manifest, load_pack(written(other, **changes)).manifest
    assert before.reflex_template(before.reflexes[0]) != after.reflex_template(after.reflexes[0])


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"reflexes": {"tool": "hodl"}}, "reflexes[0].tool", "did you mean 'hold'?"),
        ({"reflexes": {"arguments": {}}}, "reflexes[0].arguments.parcel", "missing; hold requires it"),
        ({"reflexes": {"arguments": {"parcel": "$parcle"}}}, "reflexes[0].arguments.parcel", "did you mean 'parcel'?"),
        ({"reflexes": {"arguments": {"parcel": 7}}}, "reflexes[0].arguments.parcel", "is not of type 'string'"),
        ({"reflexes": {"arguments": {"parcel": "p-$parcel"}}}, "reflexes[0].arguments.parcel", "stands for nothing"),
        (
            {"reflexes": {"arguments": {"parcel": "$parcel", "x": 1}}},
            "reflexes[0].arguments.x",
            "takes no such argument",
        ),
        ({"reflexes": {"where": [{"field": "depo", "equals": "x"}]}}, "reflexes[0].where[0].field", "'depot'?"),
        ({"reflexes": {"value": "worth"}}, "reflexes[0].value", "declares no such field"),
        ({"topic_tools": {"arguments": {"type": "objekt"}}}, "topic_tools[0].arguments.type", "not JSON Schema"),
        ({"may": "approve"}, "reflexes[0].tool", "no rule lets hold act alone"),
    ],
)
def test_each_mistake_is_told(parcels: Path, changes: dict[str, object], field: str, says: str) -> None:
    with pytest.raises(PackError) as caught:
        load_pack(written(parcels, **changes))
    assert any(field in each and says in each for each in caught.value.mistakes), caught.value.mistakes


def arguments(kind: str) -> dict[str, object]:
    return {"arguments": {"properties": {"parcel": {"type": kind}}}}


@pytest.mark.parametrize(
    ("field", "kind", "says"),
    [
        ("$parcel", "string", None),
        ("$weight", "number", None),
        ("$weight", "string", "is of type number in 'parcel.returned', and hold takes one of type string"),
        ("$weight", "integer", "is of type number in 'parcel.returned', and hold takes one of type integer"),
        ("$parcel", "integer", "'$parcel': is of type string in 'parcel.returned', and hold takes one of type integer"),
        ("$parcel", "number", "is of type string in 'parcel.returned', and hold takes one of type number"),
    ],
)
def test_a_field_has_the_type_that_the_tool_takes(parcels: Path, field: str, kind: str, says: str | None) -> None:
    file = written(parcels, topic_tools=arguments(kind), reflexes={"arguments": {"parcel": field}})
    if says is None:
        load_pack(file)
        return
    with pytest.raises(PackError) as caught:
        load_pack(file)
    (mistake,) = caught.value.mistakes
    assert f"reflexes[0].arguments.parcel: {says}" in mistake or says in mistake
    line = int(mistake.split(":")[1])
    assert file.read_text().splitlines()[line - 1].strip() == f"parcel: {field}"


@pytest.mark.parametrize(("type", "taken"), [("string", False), ("decimal", True), ("integer", True)])
def test_a_mapped_decimal_is_a_number_to_a_tool_of_the_pack(parcels: Path, type: str, taken: bool) -> None:
    file = parcels / "pack.yaml"
    manifest = yaml.safe_load(file.read_text())
    mapping = {"type": "order.placed", "time": "at", "fields": {"worth": {"from": "worth", "type": type}}}
    manifest["streams"].append({"topic": "orders", "mapping": mapping})
    manifest["reflexes"] = [{"name": "r", "of": ["order.placed"], "tool": "refund", "arguments": {"worth": "$worth"}}]
    manifest["autonomy"]["rules"].append({"tool": "refund", "may": "alone"})
    file.write_text(yaml.safe_dump(manifest, sort_keys=False))
    with (parcels / "tools.py").open("a") as code:
        code.write("\n\n@tool(effect='opaque')\n")
        code.write("async def refund(context: ToolContext, worth: float) -> dict[str, Any]:\n    return {}\n")
    if taken:
        load_pack(file)
        return
    with pytest.raises(PackError, match=r"is of type string in 'order\.placed', and refund takes one of type number"):
        load_pack(file)
