"""Following a log that is rolled over beneath us."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

LOOK_S = 0.2


def follow(file: Path) -> Iterator[str]:
    """Each line written from now on, without end; goes on with the new file when the log was rolled over."""
    log = _open(file)
    if log is not None:
        log.seek(0, os.SEEK_END)
    return _lines(file, log)


def _lines(file: Path, log: IO[str] | None) -> Iterator[str]:
    rest = ""
    while True:
        text = log.read() if log is not None else ""
        *lines, rest = (rest + text).split("\n")
        yield from lines
        if text:
            continue
        if log is None or _was_replaced(file, log):
            if log is not None:
                log.close()
            log = _open(file)
            if log is not None:
                continue
        time.sleep(LOOK_S)


def _open(file: Path) -> IO[str] | None:
    try:
        return file.open(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def _was_replaced(file: Path, log: IO[str]) -> bool:
    try:
        return file.stat().st_ino != os.fstat(log.fileno()).st_ino
    except FileNotFoundError:
        return False
