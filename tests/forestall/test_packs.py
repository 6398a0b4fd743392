"""A pack is loaded whole, or refused with every mistake and its line."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from contracts import HOUR, MINUTE
from forestall.errors import PackError
from forestall.packs import load_pack
from forestall.packs.source import read_source

MANIFEST = """\
pack: parcels
title: Parcels that come back
mode: act
streams:
  - topic: parcels
    types:
      - type: parcel.returned
        data:
          type: object
          required: [parcel, depot]
          properties:
            parcel: {type: string}
            depot: {type: string}
            weight: {type: number}
measures:
  - name: returns
    title: Parcels returned
    of: [parcel.returned]
    aggregate: distinct
    unit: parcel
    pane: 15m
    dimensions: [depot]
detectors:
  - name: too_many_returns
    measure: returns
    kind: count
    direction: up
correlation: {window: 12h}
tools: tools.py
runbooks: runbooks
autonomy:
  rules:
    - {tool: close_depot, may: approve}
    - {tool: open_depot, may: approve}
"""

TOOLS = '''\
from forestall import ToolContext, tool


@tool(effect="keyed")
async def close_depot(context: ToolContext, depot: str, hours: int = 4) -> dict:
    """Send parcels elsewhere."""
    return {}


@tool(effect="keyed")
async def open_depot(context: ToolContext, depot: str) -> dict:
    """Take parcels again."""
    return {}


def resources(home):
    return {"depots": home / "depots.db"}
'''

RUNBOOK = """\
runbook: close_a_depot
title: Close the depot
situation: one depot returns everything
applies:
  measure: returns
  explained_by: [depot]
parameters:
  depot: {from: explanation.depot}
tasks:
  - tool: close_depot
    arguments: {depot: $depot, hours: 6}
    compensation:
      tool: open_depot
      arguments: {depot: $depot}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pack = tmp_path / "parcels"
    for name, text in {
        "pack.yaml": MANIFEST,
        "tools.py": TOOLS,
        "runbooks/close.yaml": RUNBOOK,
        "knowledge/depots.md": "# Where parcels go\n\nNorth is the largest.\n",
    }.items():
        (pack / name).parent.mkdir(parents=True, exist_ok=True)
        (pack / name).write_text(text)
    return pack


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


def test_a_good_pack_is_read_whole(folder: Path) -> None:
    pack = load_pack(folder)
    assert pack.name == "parcels"
    assert pack.manifest.measures[0].pane == 15 * MINUTE
    assert pack.manifest.correlation.window == 12 * HOUR
    assert [tool.name for tool in pack.catalogue] == ["close_depot", "open_depot"]
    assert [runbook.template for runbook in pack.runbooks] == ["close_a_depot@1"]
    assert pack.knowledge == (("Where parcels go", "# Where parcels go\n\nNorth is the largest.\n"),)
    assert pack.resources(Path("/home")) == {"depots": Path("/home/depots.db")}


def test_the_manifest_may_be_named_and_tools_are_optional(folder: Path) -> None:
    change(folder / "pack.yaml", "tools: tools.py\nrunbooks: runbooks\n", "")
    text = (folder / "pack.yaml").read_text()
    (folder / "pack.yaml").write_text(text[: text.index("autonomy:")])
    pack = load_pack(folder / "pack.yaml")
    assert list(pack.catalogue) == []
    assert pack.resources(folder) == {}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("pack.yaml", "pane: 15m", "pane: 30m"),
        ("tools.py", "hours: int = 4", "hours: int = 5"),
        ("runbooks/close.yaml", "hours: 6", "hours: 7"),
        ("knowledge/depots.md", "North", "South"),
    ],
)
def test_the_digest_covers_what_changes_behaviour(folder: Path, file: str, old: str, new: str) -> None:
    before = load_pack(folder).digest
    assert load_pack(folder).digest == before
    change(folder / file, old, new)
    assert load_pack(folder).digest != before


def test_comments_leave_the_digest_alone_and_a_moved_pack_keeps_it(folder: Path) -> None:
    before = load_pack(folder).digest
    change(folder / "pack.yaml", "mode: act\n", "mode: act  # for now\n\n")
    assert load_pack(folder.rename(folder.parent / "moved")).digest == before


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
    folder: Path, old: str, new: str, field: str, says: str
) -> None:
    line = change(folder / "pack.yaml", old, new)
    found = [each for each in mistakes(folder) if field in each and says in each]
    assert found, mistakes(folder)
    assert found[0].startswith(f"{folder / 'pack.yaml'}:")
    if "missing" not in says and field not in ("", "autonomy.rules", "mode"):
        assert found[0].startswith(f"{folder / 'pack.yaml'}:{line}: ")


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
def test_a_mistake_in_a_runbook_is_told_with_its_line(folder: Path, old: str, new: str, field: str, says: str) -> None:
    file = folder / "runbooks/close.yaml"
    line = change(file, old, new) + new.removesuffix("\n").count("\n")
    found = [each for each in mistakes(folder) if field in each and says in each]
    assert found, mistakes(folder)
    assert "missing" in says or found[0].startswith(f"{file}:{line}: "), found


def test_a_parameter_of_the_wrong_type_is_told_where_it_is_used(folder: Path) -> None:
    change(folder / "runbooks/close.yaml", "{from: explanation.depot}", "{type: number, from: signal.score}")
    found = mistakes(folder)
    assert len(found) == 2
    assert "close.yaml:11: tasks[0].arguments.depot: $depot is a number, the tool takes a string" in found[0]


def test_every_mistake_is_told_at_once_in_reading_order(folder: Path) -> None:
    manifest = folder / "pack.yaml"
    lines = [
        change(manifest, "mode: act", "mode: acting"),
        change(manifest, "title: Parcels returned", "titel: Parcels returned"),
        change(manifest, "measure: returns", "measure: refunds"),
        change(manifest, "tools: tools.py", "tools: functions.py"),
    ]
    change(folder / "runbooks/close.yaml", "situation:", "situaton:")
    found = mistakes(folder)
    numbers = [int(each.split(":")[1]) for each in found if each.startswith(str(manifest))]
    assert numbers == sorted(numbers)
    assert set(lines) <= set(numbers)
    assert any("runbooks/close.yaml:3: situaton: unknown field; did you mean 'situation'?" in each for each in found)


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("def resources(home):", "import nothing_of_that_name", 16, "ModuleNotFoundError"),
        ('return {"depots": home / "depots.db"}', "return {", 17, "correct the Python"),
        ("hours: int = 4", "hours=4", 4, "close_depot.hours: annotate its type"),
        ("from forestall import", "raise SystemExit(3)\nfrom forestall import", 1, "SystemExit: 3"),
    ],
)
def test_a_fault_in_the_tools_names_its_file_and_line(folder: Path, old: str, new: str, line: int, says: str) -> None:
    change(folder / "tools.py", old, new)
    if "import nothing" in new:
        change(folder / "tools.py", '    return {"depots": home / "depots.db"}\n', "")
    found = mistakes(folder)
    assert any(each.startswith(f"{folder / 'tools.py'}:{line}: ") and says in each for each in found), found


def test_a_reconcilable_tool_that_cannot_be_asked_is_refused(folder: Path) -> None:
    text = (folder / "tools.py").read_text()
    (folder / "tools.py").write_text(text.replace("keyed", "reconcilable", 1))
    assert any("close_depot: effect reconcilable needs @close_depot.reconcile" in each for each in mistakes(folder))


def test_a_measure_of_two_streams_is_refused(folder: Path) -> None:
    change(folder / "pack.yaml", "streams:\n", "streams:\n  - {topic: letters, types: [{type: letter.returned}]}\n")
    line = change(folder / "pack.yaml", "of: [parcel.returned]", "of: [parcel.returned, letter.returned]")
    assert any(f":{line}: measures[0].of:" in each and "different streams" in each for each in mistakes(folder))


def test_two_packs_may_both_have_a_tools_file(folder: Path, tmp_path: Path) -> None:
    first = load_pack(folder)
    other = folder.rename(tmp_path / "other")
    change(other / "tools.py", "hours: int = 4", "hours: int = 9")
    second = load_pack(other)
    assert first.catalogue.get("close_depot").validate({"depot": "n"})["hours"] == 4
    assert second.catalogue.get("close_depot").validate({"depot": "n"})["hours"] == 9


def test_an_unknown_pack_names_the_installed_ones() -> None:
    with pytest.raises(PackError) as caught:
        load_pack("retial")
    assert "did you mean 'retail'?" in str(caught.value)
    assert "Installed packs: retail." in caught.value.next_step
    assert caught.value.exit_code == 3


def test_a_folder_without_a_manifest_is_told(tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"the folder has no pack\.yaml"):
        load_pack(tmp_path)


def test_text_that_yaml_1_1_would_turn_into_something_else_stays_text(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("country: NO\nday: 2024-01-31\nclock: 12:30\nsku: 0071\ncount: 12\nrate: 0.5\nyes: true\nnone:\n")
    assert read_source(file).data == {
        "country": "NO",
        "day": "2024-01-31",
        "clock": "12:30",
        "sku": "0071",
        "count": 12,
        "rate": 0.5,
        "yes": True,
        "none": None,
    }


def test_nested_aliases_cannot_fill_the_memory(tmp_path: Path) -> None:
    rows = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    for name, before in zip("bcdefgh", "abcdefg", strict=True):
        rows.append(f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]")
    file = tmp_path / "bomb.yaml"
    file.write_text("\n".join(rows))
    assert "remove nested aliases" in str(read_source(file).mistakes[0])


@given(st.text(max_size=200))
def test_whatever_is_written_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.mktemp("any") / "pack.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    source = read_source(file)
    assert source.data is not None or source.mistakes
    with pytest.raises(PackError):
        load_pack(file)


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


@given(data=st.data())
def test_whatever_stands_in_a_field_the_pack_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("field")
    written = {"pack.yaml": MANIFEST, "runbooks/close.yaml": RUNBOOK, "tools.py": TOOLS}
    changed = data.draw(st.sampled_from(["pack.yaml", "runbooks/close.yaml"]))
    content = yaml.safe_load(written[changed])
    container, key = data.draw(st.sampled_from(list(places(content))))
    container[key] = data.draw(JSON)
    (folder / "runbooks").mkdir()
    for name, text in (written | {changed: yaml.safe_dump(content)}).items():
        (folder / name).write_text(text)
    assert all(re.match(r".+:\d+: ", each) for each in told(folder))
