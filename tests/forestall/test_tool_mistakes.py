"""What is wrong with a pack's Python is told with its line, and such a pack does not run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from forestall.cli.app import run
from forestall.errors import PackError
from forestall.packs import load_pack

Capture = pytest.CaptureFixture[str]
Wrong = tuple[str, str, int, str]
WORDS = "must be 'keyed', 'reconcilable' or 'opaque'"
DECLARED: list[Wrong] = [
    ('(effect="keyed")', '(effect="opaqe")', 10, f"close_depot.effect: 'opaqe': {WORDS}; did you mean 'opaque'?"),
    ('(effect="keyed")', '(effect="Keyed")', 10, f"close_depot.effect: 'Keyed': {WORDS}; did you mean 'keyed'?"),
    ('(effect="keyed")', "(effect=3)", 10, f"close_depot.effect: 3: {WORDS}; known: keyed, opaque, reconcilable"),
    (
        '(effect="keyed")',
        '(\n    effect="keyed",\n    risk="hgh",\n)',
        10,
        "close_depot.risk: 'hgh': must be 'low', 'medium' or 'high'; did you mean 'high'?",
    ),
    ("async def close_depot", "def close_depot", 10, "close_depot: must be a coroutine; write async def"),
    ("async def open_depot", "def open_depot", 16, "open_depot: must be a coroutine; write async def"),
    ("hours: int = 4", "hours=4", 10, "close_depot.hours: annotate its type"),
    (
        '(effect="keyed")',
        '(effect="reconcilable")',
        10,
        "close_depot: effect reconcilable needs @close_depot.reconcile",
    ),
    (
        "def resources(",
        "@open_depot.quote\ndef price(",
        22,
        "price: of open_depot, must be a coroutine; write async def",
    ),
]
PYTHON: list[Wrong] = [
    ("import Any\n", "import Any\n\nimport nothing_of_that_name\n", 7, "ModuleNotFoundError: No module"),
    ('return {"depots": home / "depots.db"}', "return {", 23, "'{' was never closed; correct the Python"),
    ("def resources(", "DEPOTS = 1 / 0\n\n\ndef resources(", 22, "ZeroDivisionError: division by zero; correct"),
]


@pytest.fixture
def broken(parcels: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Change the first of a piece of text in the tools; the pack's folder, as it is seen from the one above it."""
    monkeypatch.chdir(parcels.parent)

    def change(old: str, new: str) -> Path:
        text = (parcels / "tools.py").read_text()
        assert old in text
        (parcels / "tools.py").write_text(text.replace(old, new, 1))
        return Path("parcels")

    return change


@pytest.mark.parametrize(("old", "new", "line", "says"), [*DECLARED, *PYTHON])
def test_it_is_told_with_the_path_that_was_given_and_its_line(
    broken: Callable[[str, str], Path], old: str, new: str, line: int, says: str
) -> None:
    pack = broken(old, new)
    for where in (pack, pack.absolute()):
        with pytest.raises(PackError) as caught:
            load_pack(where)
        (told,) = caught.value.mistakes
        assert told.startswith(f"{where}/tools.py:{line}: {says}")


@pytest.mark.parametrize(("old", "new", "line", "says"), DECLARED)
def test_pack_check_tells_it_and_run_refuses_it(
    broken: Callable[[str, str], Path], capsys: Capture, old: str, new: str, line: int, says: str
) -> None:
    pack = str(broken(old, new))
    home = Path("home")
    for command in (["pack", "check", pack], ["run", "--pack", pack, "--until-idle", "--home", str(home)]):
        assert run(command) == 3
        captured = capsys.readouterr()
        assert f"parcels/tools.py:{line}: {says}" in " ".join(captured.err.split())
        assert captured.out == ""
    assert not list(home.rglob("ledger.db")), "nothing was begun"


def test_control_the_pack_as_it_was_is_good(broken: Callable[[str, str], Path], capsys: Capture) -> None:
    assert run(["pack", "check", str(broken("keyed", "keyed"))]) == 0
    assert "parcels: no mistakes." in capsys.readouterr().out
