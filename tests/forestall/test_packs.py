"""A pack is read whole, and found by path or by name."""

from pathlib import Path

import pytest

from contracts import HOUR, MINUTE
from forestall.errors import PackError
from forestall.packs import load_pack
from forestall.packs.source import read_source


def change(file: Path, old: str, new: str) -> int:
    """Replace a piece of text that is there once; the number of the line where the new text begins."""
    text = file.read_text()
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new))
    return text[: text.index(old)].count("\n") + 1


def test_a_good_pack_is_read_whole(parcels: Path) -> None:
    pack = load_pack(parcels)
    assert pack.name == "parcels"
    assert pack.manifest.measures[0].pane == 15 * MINUTE
    assert pack.manifest.correlation.window == 12 * HOUR
    assert [tool.name for tool in pack.catalogue] == ["close_depot", "open_depot"]
    assert [runbook.template for runbook in pack.runbooks] == ["close_a_depot@1"]
    assert pack.knowledge == (("Where parcels go", "# Where parcels go\n\nNorth is the largest.\n"),)
    assert pack.resources(Path("/home")) == {"depots": Path("/home/depots.db")}


def test_the_manifest_may_be_named_and_tools_are_optional(parcels: Path) -> None:
    change(parcels / "pack.yaml", "tools: tools.py\nrunbooks: runbooks\n", "")
    text = (parcels / "pack.yaml").read_text()
    (parcels / "pack.yaml").write_text(text[: text.index("autonomy:")])
    pack = load_pack(parcels / "pack.yaml")
    assert list(pack.catalogue) == []
    assert pack.resources(parcels) == {}


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("pack.yaml", "pane: 15m", "pane: 30m"),
        ("tools.py", "hours: int = 4", "hours: int = 5"),
        ("runbooks/close.yaml", "hours: 6", "hours: 7"),
        ("knowledge/depots.md", "North", "South"),
    ],
)
def test_the_digest_covers_what_changes_behaviour(parcels: Path, file: str, old: str, new: str) -> None:
    before = load_pack(parcels).digest
    assert load_pack(parcels).digest == before
    change(parcels / file, old, new)
    assert load_pack(parcels).digest != before


def test_comments_leave_the_digest_alone_and_a_moved_pack_keeps_it(parcels: Path) -> None:
    before = load_pack(parcels).digest
    change(parcels / "pack.yaml", "mode: act\n", "mode: act  # for now\n\n")
    assert load_pack(parcels.rename(parcels.parent / "moved")).digest == before


def test_two_packs_may_both_have_a_tools_file(parcels: Path, tmp_path: Path) -> None:
    first = load_pack(parcels)
    other = parcels.rename(tmp_path / "other")
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
