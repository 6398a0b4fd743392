"""The home folder: where a process's ledger lies, who plays a demo in it, and what time it is there."""

import fcntl
import json
import os
import shlex
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from forestall.errors import InputError, LedgerTrouble, LockedByAnother, UsageError
from ledger import Transaction

DEFAULT_HOME = Path(".forestall")
MARKER = "demo.json"
"""Marks a folder as a demo's, which may be emptied; holds the story that is played in it."""
LOCK = "play.lock"
WORKERS_MAX = 64
"""Processes of `forestall run` on one home."""


def now_in(home: Path, tx: Transaction) -> int:
    """Microseconds since the epoch: the wall clock's, or in a demo's home the time of its latest event."""
    if (home / MARKER).is_file():
        return tx.journal.latest_time() or 0
    return time.time_ns() // 1_000


def home_option(home: Path) -> str:
    """What a command that is printed for this home needs behind it: nothing for the default one."""
    return "" if home == DEFAULT_HOME else f" --home {shlex.quote(str(home))}"


def make_home(home: Path) -> None:
    """Make the folder unless it is there.

    Raises:
        LedgerTrouble: it cannot be made.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerTrouble(f"{home}: cannot be made ({error.strerror})", "Choose another with --home.") from error


@contextmanager
def playing(home: Path) -> Iterator[None]:
    """Be the one process that plays a demo in this folder.

    Raises:
        LockedByAnother: another process does; the message has its number.
        LedgerTrouble: the folder cannot be written.
    """
    make_home(home)
    with _opened(home / LOCK) as lock:
        _hold(lock, home)
        yield


def _hold(lock: IO[str], home: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        holder = lock.read().strip()
        who = f"process {holder}" if holder else "another process"
        step = "Wait for it, stop it, or play in another folder with --dir."
        raise LockedByAnother(f"{home}: {who} plays a demo in it", step) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()


@contextmanager
def worker_name(home: Path) -> Iterator[str]:
    """A name for this process in leases: the first that no living process of this home bears.

    A process that died frees its name at once, so whoever starts next under it takes over what it held.

    Raises:
        LockedByAnother: `WORKERS_MAX` processes run on this home.
    """
    make_home(home)
    for number in range(1, WORKERS_MAX + 1):
        with _opened(home / f"run-{number}.lock") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield f"run-{number}"
            return
    raise LockedByAnother(f"{home}: {WORKERS_MAX} processes run on it already", "Stop one of them.")


def _opened(file: Path) -> IO[str]:
    try:
        return file.open("a+", encoding="utf-8")
    except OSError as error:
        step = "Give this user write access to the folder, or choose another with --home."
        raise LedgerTrouble(f"{file}: cannot be written ({error.strerror})", step) from error


def assert_demo_home(home: Path) -> None:
    """Nothing but a demo's home may be emptied.

    Raises:
        UsageError: the folder holds something else.
    """
    if not home.exists() or (home / MARKER).is_file():
        return
    if not home.is_dir() or any(entry.name != LOCK for entry in home.iterdir()):
        raise UsageError(f"{home}: holds something that is no demo's; it is left alone", "Choose another with --dir.")


def begin(home: Path, story: Mapping[str, Any]) -> None:
    """Empty a demo's home and note which story is played in it."""
    assert_demo_home(home)
    for entry in home.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name not in (LOCK, MARKER):
            entry.unlink()
    # The marker is replaced, never removed: an interruption here leaves a folder that is still known as a demo's.
    fresh = home / f"{MARKER}.new"
    fresh.write_text(json.dumps(dict(story), indent=1) + "\n", encoding="utf-8")
    fresh.replace(home / MARKER)


def story_in(home: Path) -> dict[str, Any]:
    """The story that was begun in a demo's home.

    Raises:
        UsageError: none was.
        InputError: its marker was damaged.
    """
    try:
        story: dict[str, Any] = json.loads((home / MARKER).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"{home}: no demo was begun here", "Leave out --resume to begin one.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{home / MARKER}: cannot be read", "Leave out --resume to begin anew.") from error
    return story
