"""What is remembered of a broker between commands: its process, its ports."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from forestall.devbroker.process import is_alive
from forestall.errors import BrokerTrouble

FILE = "state.json"
LOCK = "state.lock"


class State(msgspec.Struct, frozen=True):
    """`pid` is None after it was stopped: the ports are kept for the next start."""

    port: int
    web_port: int
    pid: int | None = None
    started: str = ""

    @property
    def alive(self) -> bool:
        """Whether the process that was started still runs, ready or not."""
        return self.pid is not None and is_alive(self.pid, self.started)

    @property
    def url(self) -> str:
        return f"pulsar://127.0.0.1:{self.port}"

    @property
    def web_url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"


def load(home: Path) -> State | None:
    """None when there never was one, or its file was damaged."""
    try:
        return msgspec.json.decode((home / FILE).read_bytes(), type=State)
    except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError):
        return None


def save(home: Path, state: State) -> None:
    fresh = home / f"{FILE}.{os.getpid()}.new"
    fresh.write_bytes(msgspec.json.encode(state) + b"\n")
    fresh.replace(home / FILE)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """One process at a time; the others wait. A process that dies lets go.

    Raises:
        BrokerTrouble: the file cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = file.open("a")
    except OSError as error:
        raise BrokerTrouble(
            f"{file}: cannot be written ({error.strerror})", "Give this user write access to the folder."
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
