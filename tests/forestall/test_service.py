"""The service as those see it who start and watch it: a file, an endpoint, lines of log."""

import json
import shutil
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from forestall.cli.app import run
from forestall.cli.ledgers import change
from forestall.service.endpoint import listen
from forestall.usual import Usual
from tests.running_service import Service

Capture = pytest.CaptureFixture[str]
Start = Callable[..., Service]
SECRET = "not-to-be-seen"


def test_the_endpoint_tells_state_and_figures_and_no_secret(start_service: Start, parcels: Path) -> None:
    second = shutil.copytree(parcels, parcels.parent / "letters")
    manifest = second / "pack.yaml"
    manifest.write_text(manifest.read_text().replace("pack: parcels", "pack: letters"))
    service = start_service(
        *("--pack", str(parcels), "--pack", str(second), "--health", "127.0.0.1:0", "--broker", "embedded"),
        FORESTALL_PULSAR_URL="pulsar://127.0.0.1:1",
        FORESTALL_PULSAR_TOKEN=SECRET,
    )
    address = service.address()
    service.until("run-1 is ready: every stream is watched")
    assert httpx.get(f"{address}/live").json() == {"live": True}
    assert httpx.get(f"{address}/ready").json() == {"ready": True, "status": "serving"}
    answer = httpx.get(f"{address}/health")
    assert answer.status_code == 200
    assert SECRET not in answer.text
    found: dict[str, Any] = answer.json()
    assert (found["broker"]["kind"], found["broker"]["connected"]) == ("embedded", True)
    streams = [(each["pack"], each["stream"], each["watched_by"], each["backlog"]) for each in found["streams"]]
    assert streams == [("parcels", "parcels", ["run-1"], 0), ("letters", "parcels", ["run-1"], 0)]
    assert (found["counters"]["events"], found["frozen"], found["open_incidents"]) == (0, None, 0)
    assert httpx.get(f"{address}/elsewhere").status_code == 404
    assert httpx.post(f"{address}/health").status_code == 405
    home = str(parcels.parent / "home")
    assert run(["freeze", "--reason", "stocktaking", "--as", "ada", "--home", home]) == 0
    assert httpx.get(f"{address}/health").json()["frozen"]["reason"] == "stocktaking"
    assert service.end() == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}/live")
    assert SECRET not in "".join(service.lines)


def test_the_ready_file_is_there_while_it_serves(start_service: Start, parcels: Path, tmp_path: Path) -> None:
    file = tmp_path / "ready"
    file.write_text("left by another time")
    service = start_service("--pack", str(parcels), "--ready-file", str(file))
    service.until("is ready")
    assert json.loads(file.read_text())["process"] == service.process.pid
    assert service.end() == 0
    assert not file.exists()
    service = start_service("--pack", str(parcels), "--ready-file", str(file))
    service.until("is ready")
    service.end(signal.SIGKILL)
    assert file.exists()
    service = start_service("--pack", str(parcels), "--ready-file", str(file))
    service.until("watches parcels")
    service.until("is ready")
    assert json.loads(file.read_text())["process"] == service.process.pid
    file.write_text("of somebody else by now")
    assert service.end() == 0
    assert file.read_text() == "of somebody else by now"
    assert [each.name for each in tmp_path.glob("ready*")] == ["ready"]


def test_the_log_is_json_on_demand(start_service: Start, parcels: Path) -> None:
    service = start_service("--pack", str(parcels), "--log-format", "json")
    service.until("is ready")
    assert service.end() == 0
    told = [json.loads(line) for line in service.lines]
    assert [line.get("happening") for line in told] == [None, "topic_made", "ready", None, None]
    assert {line["level"] for line in told} == {"info"}


def test_a_topic_that_is_not_there_is_told_once_and_with_one_that_may_be_meant(
    start_service: Start, parcels: Path, tmp_path: Path
) -> None:
    (tmp_path / "rows.jsonl").write_text('{"parcel": "p1"}\n')
    home = str(tmp_path / "home")
    assert run(["emit", str(tmp_path / "rows.jsonl"), "--raw", "--topic", "parcel", "--home", home]) == 0
    service = start_service("--pack", str(parcels))
    service.until("is ready")
    assert service.end() == 0
    told = [line for line in service.lines if "was not there" in line]
    assert len(told) == 1
    assert (
        "warning: topic parcels was not there: it is made, and nobody has published to it; did you mean parcel?"
        in (told[0])
    )
    service = start_service("--pack", str(parcels))
    service.until("is ready")
    assert service.end() == 0
    assert not [line for line in service.lines if "was not there" in line]


def test_a_home_is_read_from_one_broker(
    start_service: Start, parcels: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two would share its leases and partitions, and each starve the other."""
    home = tmp_path / "home"
    command = ["run", "--pack", str(parcels), "--home", str(home)]
    change(
        home,
        "test",
        lambda tx: tx.docs.set_switch("usual", Usual(broker="pulsar", url="pulsar://a").to_json()),
        make=True,
    )
    assert run([*command, "--until-idle"]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert f"{home}: was read from Pulsar at pulsar://a last, and no broker is named now" in told
    assert "Give FORESTALL_PULSAR_URL=pulsar://a, or --broker embedded for the home's own log." in told
    service = start_service("--pack", str(parcels), "--broker", "embedded")
    service.until("is ready")
    monkeypatch.setenv("FORESTALL_PULSAR_URL", "pulsar://127.0.0.1:1")
    assert run(command) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert f"{home}: run-1 reads it from the home's own log, and this would read from Pulsar" in told
    assert "Give --broker embedded, or another home with --home, or stop run-1 first." in told
    assert service.end() == 0


def test_what_stands_in_the_way_is_told_before_anything_is_opened(
    parcels: Path, tmp_path: Path, capsys: Capture
) -> None:
    home = tmp_path / "home"
    command = ["run", "--pack", str(parcels), "--home", str(home)]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run([*command, "--health", f"127.0.0.1:{port}"]) == 2
    assert f"--health: '127.0.0.1:{port}': cannot be listened at (Address already in use)" in capsys.readouterr().err
    assert run([*command, "--ready-file", str(tmp_path / "nowhere" / "ready")]) == 2
    assert "--ready-file" in capsys.readouterr().err
    assert run([*command, "--ready-file", str(tmp_path / "ready"), "--until-idle"]) == 2
    assert "is for the service" in capsys.readouterr().err
    assert not (home / "ledger.db").exists()


@pytest.mark.parametrize("address", ["x", "127.0.0.1", "127.0.0.1:99999", "1:2:x", ""])
def test_no_address(address: str, capsys: Capture, parcels: Path, tmp_path: Path) -> None:
    assert run(["run", "--pack", str(parcels), "--home", str(tmp_path / "home"), "--health", address]) == 2
    assert f"--health: {address!r}" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["0", ":0", "127.0.0.1:0"])
def test_a_port_alone_is_loopbacks(address: str) -> None:
    with listen(address) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"


def test_two_services_with_different_texts_of_a_pack_are_told(start_service: Start, parcels: Path) -> None:
    """Which of them an event meets is chance; with the same text nothing is said."""
    other = shutil.copytree(parcels, parcels.parent / "other")
    manifest = other / "pack.yaml"
    manifest.write_text(manifest.read_text().replace("title: Parcels", "title: More parcels"))
    first = start_service("--pack", str(parcels))
    first.until("run-1 is ready")
    start_service("--pack", str(parcels)).until("run-2 watches")
    third = start_service("--pack", str(other))
    third.until("run-1 runs another version of pack parcels on this home")
    third.until("run-2 runs another version of pack parcels on this home")
