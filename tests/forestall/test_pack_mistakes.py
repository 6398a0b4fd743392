"""A pack with mistakes is refused with every one of them, and its line."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from forestall.errors import PackError
from forestall.packs import load_pack
from forestall.packs.source import read_source


def change(file: Path, old: str, new: str) -> int:
    """Replace a piece of text that is there once; the number of the line where the new text begins."""
    text = file.read_text()
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new))
    return text[: text.index(old)].count("\n") + 1


def mistakes(where: Path) -> tuple[str, ...]:
    with pytest.raises(PackError) as caught:
        load_pack(where)
    return caught.value.mistakes


def told(where: Path) -> tuple[str, ...]:
    """The mistakes; none for a good pack."""
    try:
        load_pack(where)
    except PackError as error:
        return error.mistakes or ("refused without a mistake",)
    return ()


@pytest.mark.parametrize(
    ("old", "new", "field", "says"),
    [
        ("aggregate: distinct", "agregate: distinct", "measures[0].agregate", "did you mean 'aggregate'?"),
        ("pane: 15m", "pane: 15 minutes", "measures[0].pane", "'15 minutes' is no duration; write a whole number"),
        ("pane: 15m", "pane: 900", "measures[0].pane", "900: names no unit; write"),
        ("kind: count", "kind: counts", "detectors[0].kind", "'counts': must be 'count', 'level'"),
        ("kind: count", "kind: counts", "detectors[0].kind", "did you mean 'count'?"),
        ("mode: act", "mode: act\nmode: observe", "mode", "written twice, first on line 3; remove one"),
        ("title: Parcels that come back\n", "", "title", "missing; add it here"),
        ("measure: returns", "measure: return", "detectors[0].measure", "no such measure; did you mean 'returns'?"),
        ("of: [parcel.returned]", "of: [parcel.return]", "measures[0].of[0]", "did you mean 'parcel.returned'?"),
        ("unit: parcel", "unit: parcell", "measures[0].unit", "declares no such field; did you mean 'parcel'?"),
        ("dimensions: [depot]", "dimensions: [depo]", "measures[0].dimensions[0]", "did you mean 'depot'?"),
        ("weight: {type: number}", "weight: {type: numer}", "properties.weight.type", "not JSON Schema"),
        ("unit: parcel", "unit: 7", "measures[0].unit", "7: must be text; put it in quotes"),
        ("tools: tools.py", "tools: tool.py", "tools", "'tool.py': no such file"),
        ("tools: tools.py", "tools: no_such_module_here", "tools", "no such module is installed"),
        ("runbooks: runbooks", "runbooks: books", "runbooks", "no such folder"),
        ("{tool: open_depot,", "{tool: open_depott,", "rules[1].tool", "no such tool; did you mean 'open_depot'?"),
        ("{tool: open_depot,", "{tool: close_depot,", "autonomy.rules[1]", "never reached: line 33 covers every value"),
        (
            "{tool: close_depot, may: approve}",
            "{tool: open_depot, up_to: 5}",
            "autonomy.rules",
            "no rule covers close_depot",
        ),
        ("[parcel.returned]", "[parcel.returned", "", "not YAML"),
        ("mode: act", "mode: !!python/name:os.system", "mode", "tags are not read"),
    ],
)
def test_a_mistake_in_the_manifest_is_told_with_its_line(
    parcels: Path, old: str, new: str, field: str, says: str
) -> None:
    line = change(parcels / "pack.yaml", old, new)
    found = [each for each in mistakes(parcels) if field in each and says in each]
    assert found, mistakes(parcels)
    assert found[0].startswith(f"{parcels / 'pack.yaml'}:")
    if "missing" not in says and field not in ("", "autonomy.rules", "mode"):
        assert found[0].startswith(f"{parcels / 'pack.yaml'}:{line}: ")


@pytest.mark.parametrize(
    ("old", "new", "field", "says"),
    [
        (
            "measure: returns",
            "measure: refunds",
            "applies.measure",
            "'refunds': no such measure; did you mean 'returns'?",
        ),
        ("explained_by: [depot]", "explained_by: [driver]", "applies.explained_by[0]", "no such dimension"),
        ("explanation.depot", "explanation.driver", "parameters.depot.from", "no such dimension of the measure"),
        ("explanation.depot", "signal.sevrity", "parameters.depot.from", "no such field of a signal"),
        ("{from: explanation.depot}", "{value: 3}", "parameters.depot.value", "must be of type string"),
        ("hours: 6", "hours: six", "tasks[0].arguments.hours", "'six' is not of type 'integer'"),
        ("hours: 6", "hour: 6", "tasks[0].arguments.hour", "takes no such argument; did you mean 'hours'?"),
        ("hours: 6", "hours: $lenght", "tasks[0].arguments.hours", "$lenght is not declared"),
        ("hours: 6", 'hours: "$depot hours"', "tasks[0].arguments.hours", "a parameter must be the whole value"),
        ("depot: $depot, hours: 6", "hours: 6", "tasks[0].arguments.depot", "missing; close_depot requires it"),
        ("tool: open_depot", "tool: opn_depot", "tasks[0].compensation.tool", "did you mean 'open_depot'?"),
        ("parameters:\n", "parameters:\n  spare: {value: x}\n", "parameters.spare", "no argument uses it"),
        ("  - tool: close_depot\n", "  - tool: close_depot\n    depends_on: [4]\n", "depends_on[0]", "earlier task"),
    ],
)
def test_a_mistake_in_a_runbook_is_told_with_its_line(parcels: Path, old: str, new: str, field: str, says: str) -> None:
    file = parcels / "runbooks/close.yaml"
    line = change(file, old, new) + new.removesuffix("\n").count("\n")
    found = [each for each in mistakes(parcels) if field in each and says in each]
    assert found, mistakes(parcels)
    assert "missing" in says or found[0].startswith(f"{file}:{line}: "), found


def test_a_parameter_of_the_wrong_type_is_told_where_it_is_used(parcels: Path) -> None:
    change(parcels / "runbooks/close.yaml", "{from: explanation.depot}", "{type: number, from: signal.score}")
    found = mistakes(parcels)
    assert len(found) == 2
    assert "close.yaml:11: tasks[0].arguments.depot: $depot is a number, the tool takes a string" in found[0]


def test_every_mistake_is_told_at_once_in_reading_order(parcels: Path) -> None:
    manifest = parcels / "pack.yaml"
    lines = [
        change(manifest, "mode: act", "mode: acting"),
        change(manifest, "title: Parcels returned", "titel: Parcels returned"),
        change(manifest, "measure: returns", "measure: refunds"),
        change(manifest, "tools: tools.py", "tools: functions.py"),
    ]
    change(parcels / "runbooks/close.yaml", "situation:", "situaton:")
    found = mistakes(parcels)
    numbers = [int(each.split(":")[1]) for each in found if each.startswith(str(manifest))]
    assert numbers == sorted(numbers)
    assert set(lines) <= set(numbers)
    assert any("runbooks/close.yaml:3: situaton: unknown field; did you mean 'situation'?" in each for each in found)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("- type: parcel.returned", "- typ: parcel.returned", "typ: unknown field; did you mean 'type'?"),
        ("- name: returns", "- nam: returns", "nam: unknown field; did you mean 'name'?"),
    ],
)
def test_a_misspelt_name_is_one_mistake_and_not_all_that_refers_to_it(
    parcels: Path, old: str, new: str, told: str
) -> None:
    change(parcels / "pack.yaml", old, new)
    (only,) = mistakes(parcels)
    assert told in only


def test_a_doubled_name_hides_no_reference_to_nothing(parcels: Path) -> None:
    manifest = parcels / "pack.yaml"
    again = "measures:\n  - {name: returns, title: Again, of: [parcel.returned]}\n"
    change(manifest, "measures:\n", again)
    change(manifest, "measure: returns", "measure: refunds")
    found = mistakes(parcels)
    assert any("no such measure" in each for each in found)
    assert any("returns" in each and "no such measure" not in each for each in found)


@pytest.mark.parametrize("field", ["streams", "measures", "detectors", "title", "pack"])
def test_a_misspelt_field_is_one_mistake_and_not_missing_besides(parcels: Path, field: str) -> None:
    wrong = field[:2] + field[3:]
    line = change(parcels / "pack.yaml", f"\n{field}:", f"\n{wrong}:") + 1 if field != "pack" else 1
    if field == "pack":
        change(parcels / "pack.yaml", "pack: ", "pak: ")
        wrong = "pak"
    (told,) = mistakes(parcels)
    assert told == f"{parcels / 'pack.yaml'}:{line}: {wrong}: unknown field; did you mean '{field}'?"


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("import Any\n", "import Any\n\nimport nothing_of_that_name\n", 7, "ModuleNotFoundError"),
        ('return {"depots": home / "depots.db"}', "return {", 23, "correct the Python"),
        ("hours: int = 4", "hours=4", 10, "close_depot.hours: annotate its type"),
        ("from forestall import", "raise SystemExit(3)\nfrom forestall import", 7, "SystemExit: 3"),
        ("def resources(home: Path)", "resources = 3\n\n\ndef other(home: Path)", 1, "must be a function"),
    ],
)
def test_a_fault_in_the_tools_names_its_file_and_line(parcels: Path, old: str, new: str, line: int, says: str) -> None:
    change(parcels / "tools.py", old, new)
    found = mistakes(parcels)
    assert any(each.startswith(f"{parcels / 'tools.py'}:{line}: ") and says in each for each in found), found


def test_a_wrong_setting_of_a_detector_is_told_with_its_line(parcels: Path) -> None:
    line = change(parcels / "pack.yaml", "kind: count", "kind: count\n    settings: {alarms: 1}") + 1
    (found,) = mistakes(parcels)
    assert found.startswith(f"{parcels / 'pack.yaml'}:{line}: detectors[0].settings.alarms: 'alarms' = 1 is unknown")


def test_a_count_detector_on_what_is_no_count_is_refused(parcels: Path) -> None:
    """It takes logarithms: the first sum below 0 would end every worker that combines the stream."""
    change(parcels / "pack.yaml", "aggregate: distinct\n    unit: parcel", "aggregate: sum\n    field: weight")
    change(parcels / "pack.yaml", "    dimensions: [depot]\n", "")
    assert any("detectors[0].kind: count judges numbers of events" in each for each in mistakes(parcels))


def test_a_reconcilable_tool_that_cannot_be_asked_is_refused(parcels: Path) -> None:
    text = (parcels / "tools.py").read_text()
    (parcels / "tools.py").write_text(text.replace("keyed", "reconcilable", 1))
    assert any("close_depot: effect reconcilable needs @close_depot.reconcile" in each for each in mistakes(parcels))


def test_a_measure_of_two_streams_is_refused(parcels: Path) -> None:
    change(parcels / "pack.yaml", "streams:\n", "streams:\n  - {topic: letters, types: [{type: letter.returned}]}\n")
    line = change(parcels / "pack.yaml", "of: [parcel.returned]", "of: [parcel.returned, letter.returned]")
    assert any(f":{line}: measures[0].of:" in each and "different streams" in each for each in mistakes(parcels))


@given(st.text(max_size=200))
def test_whatever_is_written_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.mktemp("any") / "pack.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    source = read_source(file)
    assert source.data is not None or source.mistakes
    with pytest.raises(PackError):
        load_pack(file)


PARCELS = Path(__file__).parents[1] / "packs" / "parcels"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 10**20) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) in nested data."""
    for key, item in list(value.items()) if isinstance(value, dict) else list(enumerate(value)):
        yield value, key
        if isinstance(item, dict | list):
            yield from places(item)


@settings(max_examples=40)
@given(data=st.data())
def test_whatever_stands_in_a_field_the_pack_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    parcels = tmp_path_factory.mktemp("field")
    shutil.copytree(PARCELS, parcels, dirs_exist_ok=True)
    file = parcels / data.draw(st.sampled_from(["pack.yaml", "runbooks/close.yaml"]))
    content = yaml.safe_load(file.read_text())
    container, key = data.draw(st.sampled_from(list(places(content))))
    container[key] = data.draw(JSON)
    file.write_text(yaml.safe_dump(content))
    assert all(re.match(r".+:\d+: ", each) for each in told(parcels))
