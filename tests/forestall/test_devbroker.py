"""A development broker: one state file says what runs, and nothing else is ever killed or half-used."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from forestall.cli.app import run
from forestall.devbroker import DevPulsar, get_distribution
from forestall.devbroker.distribution import NAME
from forestall.devbroker.logs import follow
from forestall.devbroker.process import end, started_at
from forestall.devbroker.state import State, load, save
from forestall.errors import BrokerTrouble, ForestallError, UsageError

Capture = pytest.CaptureFixture[str]
Tool = Callable[[str, str], None]
JAR = "lib/org.rocksdb-rocksdbjni-1.jar"
LOOKS = 100_000


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tool:
    """Puts a program on an otherwise nearly empty path: `tool("java", "shell commands")`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.delenv("FORESTALL_PULSAR_DIST", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def put(name: str, commands: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{commands}\n")
        (folder / name).chmod(0o755)

    return put


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """Some process."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def test_a_process_that_took_over_the_number_is_left_alone(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    save(tmp_path, State(6650, 8080, sleeper.pid, "long ago"))
    broker = DevPulsar(tmp_path)
    assert broker.pid is None
    assert not broker.stop()
    assert not broker.kill()
    assert started_at(sleeper.pid) is not None
    save(tmp_path, State(6650, 8080, sleeper.pid, started_at(sleeper.pid) or ""))
    assert broker.pid == sleeper.pid
    assert broker.kill()
    assert broker.pid is None
    assert load(tmp_path) == State(6650, 8080)


HALF_DEAD = """
import ctypes, threading
threading.Thread(target=input).start()
print("started", flush=True)
ctypes.CDLL(None).pthread_exit(None)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_whose_first_thread_alone_is_gone_still_holds_its_ports() -> None:
    """As a killed broker does for some milliseconds: a restart must wait for the last thread."""
    process = subprocess.Popen([sys.executable, "-c", HALF_DEAD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"started\n"
    stat = Path(f"/proc/{process.pid}/stat")
    for _ in range(LOOKS):
        if ") Z " in stat.read_text():
            break
    assert ") Z " in stat.read_text()
    since = started_at(process.pid)
    assert since is not None
    end(process.pid, since, 0)
    assert started_at(process.pid) is None
    process.communicate()


@pytest.mark.parametrize("content", [b"", b"{}", b'{"port": "x"}', b"\x00"])
def test_a_damaged_state_is_no_broker(content: bytes, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "pulsar").mkdir()
    (tmp_path / "pulsar" / "state.json").write_bytes(content)
    assert run(["dev", "pulsar", "status", "--home", str(tmp_path)]) == 5
    assert "no Pulsar runs here" in capsys.readouterr().err
    assert run(["dev", "pulsar", "down", "--home", str(tmp_path)]) == 0


def test_a_port_that_is_taken_is_told(tmp_path: Path, capsys: Capture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert run(["dev", "pulsar", "up", "--home", str(tmp_path), "--web-port", port]) == 2
    assert f"--web-port: {port}: another process listens there" in capsys.readouterr().err


def test_a_demos_home_is_no_place_for_it(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "demo.json").write_text("{}")
    assert run(["dev", "pulsar", "up", "--home", str(tmp_path)]) == 2
    assert "a demo's home" in capsys.readouterr().err


def test_pulsar_is_asked_for_and_none_runs(
    parcels: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["run", "--pack", str(parcels), "--home", str(tmp_path), "--broker", "pulsar", "--until-idle"]
    assert run(command) == 2
    told = capsys.readouterr().err
    assert "FORESTALL_PULSAR_URL: not set" in told
    assert "forestall dev pulsar up" in told


def _fails(broker: DevPulsar) -> str:
    with pytest.raises(BrokerTrouble) as caught:
        broker.start()
    assert broker.pid is None
    return f"{caught.value} {caught.value.next_step}"


def test_no_java_an_old_one_and_no_maven_are_told(tool: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broker = DevPulsar(tmp_path / "home", 0, 0)
    assert "no java here; Pulsar needs version 17 or newer Install a JDK 17" in _fails(broker)
    tool("java", "echo 'openjdk version \"1.8.0_402\"' >&2")
    assert "is version 8; Pulsar needs 17 or newer" in _fails(broker)
    tool("java", "echo broken >&2; exit 3")
    assert "does not tell its version: 'broken'" in _fails(broker)
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    assert "JAVA_HOME: '/nowhere': no java here" in _fails(broker)
    monkeypatch.delenv("JAVA_HOME")
    tool("java", "echo 'openjdk version \"21.0.1\"' >&2")
    assert "no mvn here" in _fails(broker)
    tool("mvn", "echo 'Apache Maven 3.0.1'")
    assert "is version 3.0.1; 3.2.5 or newer is needed" in _fails(broker)


def test_what_was_fetched_by_half_is_never_used(tool: Tool, tmp_path: Path) -> None:
    left = tmp_path / "cache" / "forestall" / "pulsar" / "fetching-of-a-dead-process" / NAME / "lib"
    left.mkdir(parents=True)
    tool("mvn", f'[ "$1" = -version ] || {{ mkdir -p {NAME}/lib; echo "[ERROR] the network is gone"; exit 1; }}')
    with pytest.raises(BrokerTrouble, match="the network is gone"):
        get_distribution()
    tool("mvn", f'[ "$1" = -version ] || mkdir -p {NAME}/lib')
    with pytest.raises(BrokerTrouble, match="Maven left no"):
        get_distribution()
    assert [each.name for each in (tmp_path / "cache" / "forestall" / "pulsar").iterdir()] == ["fetch.lock"]


def test_of_several_callers_one_fetches(tool: Tool, tmp_path: Path) -> None:
    fetches = tmp_path / "fetches"
    tool(
        "mvn", f'[ "$1" = -version ] || {{ echo 1 >> {fetches}; mkdir -p {NAME}/lib; sleep 0.2; touch {NAME}/{JAR}; }}'
    )
    program = "from forestall.devbroker import get_distribution; print(get_distribution())"
    callers = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    told = {caller.communicate(timeout=60)[0].strip() for caller in callers}
    assert told == {str(tmp_path / "cache" / "forestall" / "pulsar" / NAME)}
    assert fetches.read_text() == "1\n"


def test_a_given_distribution_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="FORESTALL_PULSAR_DIST"):
        get_distribution(tmp_path)
    (tmp_path / JAR).parent.mkdir()
    (tmp_path / JAR).touch()
    assert get_distribution(tmp_path) == tmp_path


def test_what_does_not_start_is_told_with_its_own_words(tool: Tool, tmp_path: Path) -> None:
    tool("java", 'case "$1" in -version) echo \'version "17.0.1"\';; *) echo "no room for the heap"; exit 1;; esac')
    (tmp_path / JAR).parent.mkdir()
    (tmp_path / JAR).touch()
    broker = DevPulsar(tmp_path / "home", 0, 0, distribution=tmp_path)
    told = _fails(broker)
    assert "its process ended" in told
    assert "no room for the heap" in told


def test_a_log_is_followed_over_its_rolling(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("old\n")
    lines = follow(log)

    def write(text: str) -> None:
        with log.open("a") as file:
            file.write(text)

    write("new\nha")
    assert next(lines) == "new"
    write("lf\n")
    assert next(lines) == "half"
    log.replace(tmp_path / "log.1")
    write("rolled\n")
    assert next(lines) == "rolled"


def test_an_unwritable_home_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ForestallError, match="cannot be written"):
        DevPulsar(tmp_path / "file" / "pulsar", 0, 0).start()
    assert not os.path.exists(tmp_path / "pulsar")
