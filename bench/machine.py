"""What a figure depends on: fsync latency, disk, processors, load."""

import os
import platform
import statistics
import time
from pathlib import Path

FLUSHES = 100
BLOCK = b"x" * 4096


def fsync_micros(folder: Path) -> list[float]:
    """How long each of a hundred appended and flushed blocks took, in microseconds."""
    name = folder / "fsync.probe"
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT)
    try:
        found = []
        for _ in range(FLUSHES):
            begun = time.perf_counter()
            os.write(descriptor, BLOCK)
            os.fsync(descriptor)
            found.append((time.perf_counter() - begun) * 1e6)
        return found
    finally:
        os.close(descriptor)
        name.unlink()


def percentile(values: list[float], share: float) -> float:
    """The smallest value that so large a share of them does not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def describe(folder: Path, flushes: list[float]) -> str:
    """One line for a report."""
    load = ", ".join(f"{each:.2f}" for each in os.getloadavg())
    return (
        f"fsync of 4 KiB: p50 {statistics.median(flushes):.0f} us, p99 {percentile(flushes, 0.99):.0f} us;"
        f" disk {_disk(folder)}; {os.cpu_count()} processors; load {load};"
        f" Python {platform.python_version()}, SQLite {_sqlite()}"
    )


def _disk(folder: Path) -> str:
    best = ("", "unknown")
    for line in Path("/proc/mounts").read_text().splitlines():
        device, point, kind = line.split()[:3]
        if folder.resolve().is_relative_to(point) and len(point) > len(best[0]):
            best = (point, f"{device} ({kind})")
    return best[1]


def _sqlite() -> str:
    import sqlite3

    return sqlite3.sqlite_version
