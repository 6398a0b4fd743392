"""Emitting a file and running the service, as real processes do."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from forestall.cli.app import run
from forestall.cli.ledgers import read
from forestall.home import worker_name
from tests.running_service import Service

Capture = pytest.CaptureFixture[str]
LOOKS = 100_000
"""How often the ledger is looked at for what another process writes soon."""
MAPPING = """\
topic: parcels
type: parcel.returned
source: /depots
id: "{parcel}"
time: {column: at}
fields:
  parcel: {from: parcel}
  depot: {from: depot}
  weight: {from: weight, type: number, optional: true}
"""


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Two days with a return an hour, then a burst of returns at one depot; one row has no instant."""
    lines = ["parcel,depot,weight,at"]
    lines += [f"p{hour},{'NS'[hour % 2]},1.5,2026-03-0{1 + hour // 24}T{hour % 24:02}:05:00Z" for hour in range(48)]
    lines.append("lost,N,1,yesterday")
    lines += [f"b{number},N,1.5,2026-03-03T{number // 20:02}:{number % 20 * 3:02}:00Z" for number in range(60)]
    lines.append("end,S,1,2026-03-03T12:00:00Z")
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    return tmp_path / "rows.csv"


def _emit(rows: Path, home: Path, *options: str) -> int:
    return run(["emit", str(rows), "--map", str(rows.parent / "mapping.yaml"), "--home", str(home), *options])


def test_emitted_rows_are_watched_and_come_to_an_incident(
    rows: Path, parcels: Path, tmp_path: Path, capsys: Capture
) -> None:
    home = tmp_path / "home"
    assert _emit(rows, home, "--pack", str(parcels)) == 0
    told = capsys.readouterr().out
    assert "109 events published to parcels, of 110 rows, to the embedded broker of " in told
    assert "line 50, column at" in told
    assert _emit(rows, home, "--json", "--restart") == 0
    assert json.loads(capsys.readouterr().out)["left_out"] == 1
    assert run(["run", "--pack", str(parcels), "--until-idle", "--json", "--home", str(home)]) == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert (found["events"], found["duplicates"], found["dead_letters"]) == (109, 109, {})
    assert found["signals"] >= found["incidents"] == 1
    assert "watches parcels for parcels in mode act" in captured.err
    assert "noticed: spike of returns" in captured.err


def test_a_mapping_that_names_no_column_of_the_file(rows: Path, tmp_path: Path, capsys: Capture) -> None:
    mapping = rows.parent / "mapping.yaml"
    mapping.write_text(mapping.read_text().replace("from: depot", "from: depto"))
    assert _emit(rows, tmp_path / "home") == 3
    assert "depto" in capsys.readouterr().err


def test_a_run_needs_a_pack_and_no_demos_home(asked_home: Path, tmp_path: Path, capsys: Capture) -> None:
    assert run(["run", "--home", str(tmp_path / "home")]) == 2
    assert "no pack is named" in capsys.readouterr().err
    assert run(["run", "--pack", "retail", "--home", str(asked_home)]) == 2
    assert "time is virtual" in capsys.readouterr().err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_the_service_stops_in_order(number: signal.Signals, code: int, parcels: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "forestall", "run", "--pack", str(parcels), "--home", str(tmp_path / "home")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert "run-1 watches parcels" in process.stderr.readline()
    process.send_signal(number)
    out, errors = process.communicate(timeout=30)
    assert (process.returncode, out) == (code, "")
    assert "stopped; everything is in the ledger" in errors
    assert "Traceback" not in errors


def test_what_another_process_watches_is_left_to_it(parcels: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "forestall", "run", "--pack", str(parcels), "--home", str(tmp_path / "home")]
    service = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert service.stderr is not None
        assert "run-1 watches parcels" in service.stderr.readline()
        ledger = tmp_path / "home"
        for _ in range(LOOKS):
            if read(ledger, lambda tx: [each for each in tx.leases.all() if each.name.startswith("worker:")]):
                break
        else:
            raise AssertionError(f"no worker's lease after {LOOKS} looks")
        done = subprocess.run([*command, "--until-idle"], capture_output=True, text=True, timeout=30, check=False)
    finally:
        service.terminate()
        service.communicate(timeout=30)
    assert (done.returncode, done.stdout) == (7, "")
    assert "another process watches parcels; there is nothing to do here" in done.stderr


def test_messages_that_could_not_be_taken_need_a_person(
    rows: Path, parcels: Path, tmp_path: Path, capsys: Capture
) -> None:
    home = tmp_path / "home"
    mapping = rows.parent / "mapping.yaml"
    mapping.write_text(mapping.read_text().replace("parcel.returned", "parcel.came"))
    assert _emit(rows, home, "--pack", str(parcels)) == 0
    assert run(["run", "--pack", str(parcels), "--until-idle", "--home", str(home)]) == 0
    told = f"! 109 messages could not be taken (unknown_type 109): forestall dead-letters --home {home}"
    assert told in capsys.readouterr().out
    assert run(["status", "--home", str(home)]) == 0
    told = capsys.readouterr().out
    assert "! 109 messages could not be taken (unknown_type 109)" in told
    assert f"forestall dead-letters --home {home}" in told
    assert "Nothing needs you" not in told
    assert run(["dead-letters", "--home", str(home)]) == 0
    told = capsys.readouterr().out
    assert told.count("for example") == 1
    assert "109 messages" in told
    assert "what to do" in told


def test_each_living_process_has_a_name_of_its_own(tmp_path: Path) -> None:
    with worker_name(tmp_path) as first, worker_name(tmp_path) as second:
        assert (first, second) == ("run-1", "run-2")
    with worker_name(tmp_path) as again:
        assert again == "run-1"


def test_of_several_processes_each_logs_its_own(rows: Path, parcels: Path, tmp_path: Path) -> None:
    """What one of them wrote, the others read in the journal, too: of all their logs each line is one happening."""
    home = tmp_path / "home"
    services = [Service(home, "--pack", str(parcels)) for _ in range(2)]
    try:
        for service in services:
            service.until("is ready")
        assert _emit(rows, home, "--pack", str(parcels)) == 0
        for _ in range(LOOKS):
            if any(doc.get("closed_at") for doc in read(home, lambda tx: tx.incidents.all())):
                break
        else:
            raise AssertionError(f"no incident was closed after {LOOKS} looks")
        assert run(["mode", "parcels", "observe", "--as", "Ada", "--home", str(home)]) == 0
    finally:
        codes = [service.end() for service in services]
    assert codes == [0, 0]
    [incident] = [doc["id"] for doc in read(home, lambda tx: tx.incidents.all())]
    told = [line.partition(f"{incident} ")[2] for service in services for line in service.lines if incident in line]
    words = [line.partition(":")[0] for line in told]
    assert {"noticed", "explained", "recalled", "planned", "handed over"} <= set(words)
    assert len(told) == len(set(told)), told
    assert all("set by Ada" in "".join(service.lines) for service in services), "a person's word is for all"
