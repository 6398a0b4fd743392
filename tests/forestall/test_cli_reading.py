"""Commands that only read: their output, their JSON, their errors, and how little they import."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from forestall import __version__
from forestall.cli.app import run

Capture = pytest.CaptureFixture[str]
HEAVY = ("langgraph", "langchain_core", "langchain_openai", "ortools", "numpy")


def _json(capsys: Capture) -> Any:
    return json.loads(capsys.readouterr().out)


def test_forestall_alone_says_where_to_begin(capsys: Capture) -> None:
    assert run([]) == 0
    told = capsys.readouterr().out
    assert all(command in told for command in ("forestall demo retail", "forestall doctor", "forestall --help"))


def test_the_version(capsys: Capture) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"forestall {__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["schema", "--list"], ["status"]])
def test_what_must_come_at_once_imports_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    code = (
        f"import sys; from forestall.cli.app import run; run({arguments!r}); sys.stderr.write(repr(list(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert [name for name in HEAVY if repr(name) in done.stderr] == []


def test_a_home_without_a_ledger_is_told_and_not_made(tmp_path: Path, capsys: Capture) -> None:
    home = tmp_path / "home"
    for command in ("status", "incidents", "dead-letters"):
        assert run([command, "--home", str(home)]) == 6
        assert "holds no ledger" in capsys.readouterr().err
    assert not home.exists()


def test_a_damaged_ledger_ends_with_4(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "ledger.db").write_bytes(b"not a ledger " * 100)
    assert run(["status", "--home", str(tmp_path)]) == 4
    assert "is no ledger or is damaged" in capsys.readouterr().err
    assert run(["doctor", "--home", str(tmp_path)]) == 4
    assert "✗ ledger" in capsys.readouterr().out


def test_incidents_as_lines_and_as_data(asked_home: Path, capsys: Capture) -> None:
    assert run(["--home", str(asked_home), "incidents"]) == 0
    told = capsys.readouterr().out
    assert "spike of cancellations" in told
    assert run(["incidents", "--json", "--home", str(asked_home)]) == 0
    [found] = _json(capsys)
    assert found["opened_at"] == "2026-03-05T09:15:00Z"
    assert found["signal"]["measure"] == "cancellations"
    assert found["explanation"].startswith("warehouse = A explains")
    assert (found["status"], found["lane"], found["autonomous"]) == ("open", "recall", False)
    assert found["id"] in told


def test_an_unknown_incident_ends_with_6_and_lists_the_known(asked_home: Path, capsys: Capture) -> None:
    assert run(["trace", "zzz", "--home", str(asked_home)]) == 6
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "known: inc-" in captured.err
    assert f"List what there is with forestall incidents --home {asked_home}." in captured.err


def test_doctor_finds_a_fresh_installation_usable(tmp_path: Path, capsys: Capture) -> None:
    assert run(["doctor", "--json", "--home", str(tmp_path)]) == 0
    found = _json(capsys)
    assert found["usable"] is True
    states = {check["name"]: check["state"] for check in found["checks"]}
    assert states["Python"] == states["packages"] == states["imports"] == states["pack"] == "ok"
    assert states["model"] == states["ledger"] == "note"


def test_doctor_names_wrong_settings(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("FORESTALL_BATCH", "many")
    assert run(["doctor"]) == 2
    assert "FORESTALL_BATCH" in capsys.readouterr().out


def test_doctor_never_prints_a_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Capture) -> None:
    monkeypatch.setenv("FORESTALL_MODEL", "small")
    monkeypatch.setenv("FORESTALL_MODEL_API_KEY", "sesame")
    monkeypatch.setenv("FORESTALL_MODEL_BASE_URL", "http://127.0.0.1:9/sesame")
    assert run(["doctor", "--online", "--home", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert "small, with a key: cannot be reached" in captured.out
    assert "sesame" not in captured.out + captured.err


def test_a_schema_by_its_name(capsys: Capture) -> None:
    assert run(["schema", "plan"]) == 0
    assert _json(capsys)["title"] == "Plan"
    assert run(["schema", "Plam"]) == 6
    assert "did you mean Plan?" in capsys.readouterr().err


def test_every_mistake_in_a_pack_is_told(parcels: Path, capsys: Capture) -> None:
    assert run(["pack", "check", str(parcels)]) == 0
    assert "parcels: no mistakes." in capsys.readouterr().out
    manifest = parcels / "pack.yaml"
    text = manifest.read_text().replace("pane: 15m", "pane: often").replace("kind: count", "kind: guess")
    manifest.write_text(text)
    assert run(["pack", "check", str(parcels)]) == 3
    told = capsys.readouterr().err
    assert "often" in told
    assert "guess" in told
    assert "pack.yaml:" in told


def test_an_unexpected_fault_shows_its_traceback_only_when_asked(
    asked_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr("forestall.cli.status.overview", lambda *_: 1 / 0)
    assert run(["status", "--home", str(asked_home)]) == 1
    told = capsys.readouterr().err
    assert "unexpected ZeroDivisionError" in told
    assert "Traceback" not in told
    assert run(["status", "--home", str(asked_home), "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err
