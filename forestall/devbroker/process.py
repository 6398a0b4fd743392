"""A process that outlives us, known by its id and the moment it started: a recycled id is never taken for it."""

import os
import signal
import subprocess
import time
from pathlib import Path

LOOK_S = 0.05


def started_at(pid: int) -> str | None:
    """What tells this process from a later one with the same id; None when it is gone, or waits to be reaped."""
    proc = Path("/proc")
    if (proc / "self" / "stat").exists():
        try:
            fields = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
            boot = (proc / "sys/kernel/random/boot_id").read_text().strip()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[0] in "ZX" and not _has_threads(proc / str(pid)) else f"{boot}:{fields[19]}"
    told = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, since = told.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else since.strip()


def is_alive(pid: int, started: str) -> bool:
    """Whether this very process still runs."""
    _reap(pid)
    return started_at(pid) == started


def end(pid: int, started: str, patience_s: float) -> None:
    """SIGTERM, and SIGKILL when it still runs after `patience_s` seconds (at once for 0). Returns when it is gone."""
    if patience_s > 0 and is_alive(pid, started):
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + patience_s
        while is_alive(pid, started) and time.monotonic() < until:
            time.sleep(LOOK_S)
    while is_alive(pid, started):
        os.kill(pid, signal.SIGKILL)
        time.sleep(LOOK_S)


def _has_threads(process: Path) -> bool:
    """A killed process is a zombie while its last threads still hold its sockets and files."""
    try:
        return sum(1 for _ in (process / "task").iterdir()) > 1
    except FileNotFoundError:
        return False


def _reap(pid: int) -> None:
    """Ours or another's child: only its parent may, and nobody else need."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
