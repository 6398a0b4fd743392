"""The plan of the house holds: arrows go down, doors are marked, files stay small."""

import importlib
import re
import shutil
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import forestall
from forestall.guard import ROOMS, shadowing_problem

ROOT = Path(__file__).parents[1]
MAX_LINES = 350

PUBLIC = [
    "DAY",
    "HOUR",
    "MINUTE",
    "SECOND",
    "AskPerson",
    "Command",
    "Event",
    "NothingDone",
    "Outcome",
    "Quote",
    "RefuseCommand",
    "RetryLater",
    "Tool",
    "ToolContext",
    "__version__",
    "tool",
]


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def lines_with(pattern: str, files: list[Path]) -> Iterator[str]:
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if re.search(pattern, line):
                yield f"{file.relative_to(ROOT)}:{number}: {line.strip()[:100]}"


def test_arrows_go_down() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_room_has_a_marked_door() -> None:
    doors = [room for room in ROOMS if room not in ("agents", "scenarios")]
    doors += [f"agents.{each.parent.name}" for each in sorted((ROOT / "agents").glob("*/__init__.py"))]
    for door in doors:
        module = importlib.import_module(door)
        exported = getattr(module, "__all__", None)
        assert exported, f"{door}: its __init__ has no __all__; list what other rooms may use"
        assert [name for name in exported if not hasattr(module, name)] == [], door


def test_every_room_is_in_the_configuration() -> None:
    found = {each.parent.name for each in ROOT.glob("*/py.typed")}
    assert found == set(ROOMS), "a room was added or removed: change forestall.guard.ROOMS and pyproject.toml"
    text = (ROOT / "pyproject.toml").read_text()
    assert [room for room in ROOMS if text.count(f'"{room}"') < 5] == []


def test_the_public_names_are_a_decision() -> None:
    assert sorted(forestall.__all__) == sorted(PUBLIC), "a public name is a promise: change the list here too"


def test_files_stay_small() -> None:
    long = {file: len(file.read_text().splitlines()) for file in tracked("*.py")}
    assert {str(file.relative_to(ROOT)): lines for file, lines in long.items() if lines > MAX_LINES} == {}


@pytest.mark.parametrize(
    ("pattern", "why", "patterns"),
    [
        (r"\bTO" + "DO|FIX" + r"ME\b", "do it, or write down the limitation", ["*.py", "*.md", "*.toml", "*.yaml"]),
        (r"\.\./sha" + "red", "only tests and bench know of it", ["*.py", "*.yaml", ":!tests", ":!bench"]),
        (r"/wo" + r"rk/|/ro" + r"ot/|/ho" + r"me/[a-z]+/", "no path of one machine", ["*", ":!LICENSE"]),
        (r"sleep\([^0)]", "tests have a clock of their own", ["tests/*.py", ":!tests/acceptance"]),
    ],
)
def test_what_is_not_written_here(pattern: str, why: str, patterns: list[str]) -> None:
    assert list(lines_with(pattern, tracked(*patterns))) == [], why


def test_the_rooms_are_ours() -> None:
    assert shadowing_problem() is None


@pytest.mark.parametrize("room", ["agents", "tools"])
def test_a_foreign_room_is_told_in_words(room: str, tmp_path: Path) -> None:
    (tmp_path / room).mkdir()
    (tmp_path / room / "__init__.py").write_text("")
    done = subprocess.run(
        [sys.executable, "-c", "import forestall.guard as g; print(g.shadowing_problem())"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    told = done.stdout + done.stderr
    assert f"{room}: {tmp_path / room} comes first, from a folder of that name on the import path" in told


def test_the_network_is_shut() -> None:
    with socket.socket() as caller, pytest.raises(pytest.fail.Exception, match="a test reached for 192"):
        caller.connect(("192.0.2.1", 80))


@pytest.mark.acceptance
def test_a_wheel_holds_the_rooms_and_no_tests(tmp_path: Path) -> None:
    copy = tmp_path / "source"
    for file in tracked():
        target = copy / file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path / "dist", copy]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {*ROOMS, f"forestall-{forestall.__version__}.dist-info"}
    assert [name for name in names if "test" in name.rsplit("/", 1)[-1] and "/tests" in name] == []
    assert {"scenarios/retail/pack.yaml", "contracts/py.typed"} <= set(names)
