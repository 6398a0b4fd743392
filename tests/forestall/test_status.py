"""`forestall status`: what reflexes may do now, and whether the broker answers."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts import to_iso
from forestall.brokers import dev_folder
from forestall.cli.app import run
from forestall.devbroker.process import started_at
from forestall.devbroker.state import State, save
from triggers.clock import WallClock

Capture = pytest.CaptureFixture[str]
TOOL = {"name": "hold", "topic": "parcels.commands", "title": "Hold", "arguments": {"properties": {"parcel": {}}}}
REFLEX = {
    "name": "hold_it",
    "of": ["parcel.returned"],
    "where": [{"field": "depot", "equals": "N"}],
    "tool": "hold",
    "arguments": {"parcel": "$parcel"},
}
MAPPING = """\
topic: parcels
type: parcel.returned
id: "{parcel}"
time: {column: at}
fields: {parcel: parcel, depot: depot}
"""


def change(parcels: Path, **changes: Any) -> None:
    """The pack with this reflex."""
    file = parcels / "pack.yaml"
    manifest = yaml.safe_load(file.read_text())
    manifest |= {"topic_tools": [TOOL], "reflexes": [REFLEX | changes]}
    rules = [rule for rule in manifest["autonomy"]["rules"] if rule["tool"] != "hold"]
    manifest["autonomy"]["rules"] = [*rules, {"tool": "hold", "may": "alone"}]
    file.write_text(yaml.safe_dump(manifest, sort_keys=False))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def happens(parcels: Path, home: Path, tmp_path: Path) -> Callable[[str], None]:
    """A parcel comes back to depot N now, and the pack as it is then takes it."""
    change(parcels)

    def come(parcel: str) -> None:
        file = tmp_path / "rows.csv"
        file.write_text(f"parcel,depot,at\n{parcel},N,{to_iso(WallClock().now())}\n")
        (tmp_path / "mapping.yaml").write_text(MAPPING)
        mapping, where = str(tmp_path / "mapping.yaml"), ["--home", str(home)]
        assert run(["emit", str(file), "--map", mapping, "--pack", str(parcels), *where]) == 0
        assert run(["run", "--pack", str(parcels), "--until-idle", *where]) == 0

    return come


def status(home: Path, capsys: Capture) -> tuple[dict[str, Any], str]:
    """The reflex as data, and all as text."""
    capsys.readouterr()
    assert run(["status", "--json", "--home", str(home)]) == 0
    [found] = json.loads(capsys.readouterr().out)["reflexes"]
    assert run(["status", "--home", str(home)]) == 0
    return found, " ".join(capsys.readouterr().out.split())  # wherever a line is broken


def test_a_reflex_is_told_with_what_it_may_do_and_did(
    happens: Callable[[str], None], parcels: Path, home: Path, capsys: Capture
) -> None:
    happens("p1")
    found, told = status(home, capsys)
    assert (found["pack"], found["name"], found["may"], found["acted_at"]) == ("parcels", "hold_it", "refused", None)
    assert "parcels/hold_it: refused: a standing approval for reflex.hold_it@1:" in told
    assert "was never given" in told
    assert "hold(parcel=$parcel) for parcel.returned where depot is N" in told
    assert "acted never, was refused 1 time" in told
    assert told.startswith("! parcels/hold_it was refused once: no leave to act")
    assert f"forestall grant parcels/hold_it --up-to 0 --home {home}" in told

    assert run(["grant", "parcels/hold_it", "--up-to", "5", "--as", "Ada", "--home", str(home)]) == 0
    happens("p2")
    found, told = status(home, capsys)
    assert (found["may"], found["up_to"], found["counts"]["act"]) == ("act", "5", 1)
    assert found["acted_at"] is not None
    assert "parcels/hold_it: may act until" in told
    assert "acted 1 time, last on" in told

    assert run(["mode", "parcels", "observe", "--home", str(home)]) == 0
    assert status(home, capsys)[0]["may"] == "observe"
    assert run(["mode", "parcels", "act", "--home", str(home)]) == 0
    assert run(["freeze", "--reason", "x", "--home", str(home)]) == 0
    assert "all effects are frozen" in status(home, capsys)[0]["reason"]
    assert run(["thaw", "--home", str(home)]) == 0

    change(parcels, at_most=7)
    happens("p3")
    found, told = status(home, capsys)
    assert (found["may"], found["counts"]["act"], found["counts"]["refused"]) == ("refused", 1, 2)
    assert "is needed anew: the rule was changed since one was given" in " ".join(told.split())


def test_a_leave_may_come_before_the_first_event(
    happens: Callable[[str], None], parcels: Path, home: Path, capsys: Capture
) -> None:
    assert run(["grant", f"{parcels}/hold_it", "--up-to", "0", "--as", "Ada", "--home", str(home)]) == 0
    happens("p1")
    found, told = status(home, capsys)
    assert (found["may"], found["counts"]["act"]) == ("act", 1)
    assert told.startswith("Nothing needs you.")


def test_a_pack_without_reflexes_any_more_has_none(
    happens: Callable[[str], None], parcels: Path, home: Path, capsys: Capture
) -> None:
    happens("p1")
    file = parcels / "pack.yaml"
    manifest = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump({**manifest, "reflexes": []}, sort_keys=False))
    assert run(["run", "--pack", str(parcels), "--until-idle", "--home", str(home)]) == 0
    capsys.readouterr()
    assert run(["status", "--json", "--home", str(home)]) == 0
    assert json.loads(capsys.readouterr().out)["reflexes"] == []


def test_a_broker_that_is_away_is_told_before_all_else(
    happens: Callable[[str], None], home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    happens("p1")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("FORESTALL_PULSAR_URL", f"pulsar://127.0.0.1:{port}")
    capsys.readouterr()
    assert run(["status", "--home", str(home)]) == 5
    told = " ".join(capsys.readouterr().out.split())
    assert "parcels/hold_it: refused" in told
    assert told.startswith(f"! the broker, Pulsar at pulsar://127.0.0.1:{port}, cannot be used: pulsar_url: ")
    assert f"Pulsar at pulsar://127.0.0.1:{port} cannot be used: pulsar_url: 127.0.0.1:{port}: " in told
    assert "Nothing needs you" not in told
    assert run(["status", "--json", "--home", str(home)]) == 5
    found = json.loads(capsys.readouterr().out)
    assert found["broker"]["kind"] == "pulsar"
    assert "is the broker up" in found["broker"]["problem"]
    assert found["reflexes"]
    assert run(["status", "--home", str(home), "--broker", "embedded"]) == 0


def test_a_broker_that_says_nothing_is_not_waited_for(
    happens: Callable[[str], None], home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    happens("p1")
    monkeypatch.setattr("forestall.cli.broker_check.PATIENCE_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("FORESTALL_PULSAR_URL", f"pulsar://127.0.0.1:{silent.getsockname()[1]}")
        assert run(["status", "--home", str(home)]) == 5
    assert "cannot be used: no answer within 0.05 s" in " ".join(capsys.readouterr().out.split())


def test_the_broker_that_the_service_used_is_asked_where_nothing_else_is_said(
    parcels: Path, home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"pulsar://127.0.0.1:{taken.getsockname()[1]}"
    with monkeypatch.context() as shell:
        shell.setenv("FORESTALL_PULSAR_URL", url)
        assert run(["run", "--pack", str(parcels), "--until-idle", "--home", str(home)]) == 5
    for options in ([], ["--broker", "pulsar"]):
        capsys.readouterr()
        assert run(["status", "--json", "--home", str(home), *options]) == 5
        found = json.loads(capsys.readouterr().out)
        assert found["needs"][0]["what"].startswith(f"the broker, Pulsar at {url}, cannot be used: ")
    assert run(["status", "--home", str(home), "--broker", "embedded"]) == 0


def test_a_development_pulsar_that_is_stopped_needs_somebody(
    parcels: Path, home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    dev_folder(home).mkdir(parents=True)
    save(dev_folder(home), State(port, port, os.getpid(), started_at(os.getpid()) or ""))
    assert run(["run", "--pack", str(parcels), "--until-idle", "--broker", "pulsar", "--home", str(home)]) == 5
    save(dev_folder(home), State(port, port))
    for options in ([], ["--broker", "pulsar"]):
        capsys.readouterr()
        assert run(["status", "--home", str(home), *options]) == 5
        told = " ".join(capsys.readouterr().out.split())
        assert told.startswith("! the broker, Pulsar, cannot be used: ")
        assert f"Start it again: forestall dev pulsar up --home {home}." in told


@pytest.mark.needs("pulsar")
def test_a_broker_that_answers(
    happens: Callable[[str], None], home: Path, pulsar_url: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    happens("p1")
    monkeypatch.setenv("FORESTALL_PULSAR_URL", pulsar_url)
    capsys.readouterr()
    assert run(["status", "--home", str(home)]) == 0
    assert f"Pulsar at {pulsar_url} answers" in " ".join(capsys.readouterr().out.split())
