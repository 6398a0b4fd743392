"""Which processes are alive. A holder is one open broker; the kernel, not a clock, says whether it still runs.

Each holder keeps an exclusive `flock` on a small file of its own beside the log. The kernel drops the lock when the
process ends in any way, `kill -9` included, so what a dead process held is free again at once, in virtual time too.
A process that hangs keeps its messages, as a connected Pulsar consumer does.
"""

import fcntl
import os
import sqlite3
from pathlib import Path

from triggers.brokers.cursors import release
from triggers.brokers.log_file import writing


class Holders:
    """Registers this process and removes the dead."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._folder = path.with_name(path.name + "-holders")
        self._folder.mkdir(exist_ok=True)
        self._descriptor: int | None = None
        self.id = 0

    def register(self, name: str | None) -> None:
        """Become a holder. One of the same name is replaced, alive or not, and what it held is free at once."""
        with writing(self._connection):
            if name is not None:
                for (same,) in self._connection.execute("SELECT id FROM holder WHERE name = ?", (name,)).fetchall():
                    self._forget(same)
            found = self._connection.execute("INSERT INTO holder (name) VALUES (?)", (name,)).lastrowid
            assert found is not None
            self.id = found
            self._descriptor = os.open(self._file(found), os.O_CREAT | os.O_RDWR, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def bury(self) -> bool:
        """Remove the holders whose process has ended; whether messages became free."""
        others = self._connection.execute("SELECT id FROM holder WHERE id != ?", (self.id,)).fetchall()
        dead = [other for (other,) in others if not self._alive(other)]
        if not dead:
            return False
        with writing(self._connection):
            return sum(self._forget(other) for other in dead) > 0

    def leave(self) -> None:
        """Give everything back; harmless when another of the same name took over."""
        if self._descriptor is None:
            return
        try:
            with writing(self._connection):
                self._forget(self.id)
        finally:
            os.close(self._descriptor)
            self._descriptor = None

    def _forget(self, holder: int) -> int:
        members = self._connection.execute("SELECT id FROM consumer WHERE holder_id = ?", (holder,)).fetchall()
        changed = release(self._connection, [member for (member,) in members])
        self._connection.execute("DELETE FROM holder WHERE id = ?", (holder,))
        self._file(holder).unlink(missing_ok=True)
        return changed

    def _alive(self, holder: int) -> bool:
        try:
            descriptor = os.open(self._file(holder), os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def _file(self, holder: int) -> Path:
        return self._folder / str(holder)
