"""Runs: one durable thread an incident, its lease, its mail, its checkpoints and its timers."""

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from ledger.documents import pack_doc, unpack_doc
from ledger.errors import Fenced

LEASE_MICROS = 30_000_000
"""How long a claim holds without being renewed; the owner's own name takes over at once (a restarted process)."""


@dataclass(frozen=True, slots=True)
class Run:
    thread: str
    tenant: str
    pack: str
    key: str
    pack_digest: str
    graph_version: int
    status: str
    onset: int
    opened_at: int
    closed_at: int | None
    waiting_for: str | None
    waiting_since: int | None
    owner: str | None
    epoch: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Mail:
    """A message that resumes a run: an answer, an outcome, a watch's verdict, a timer, a further signal."""

    id: int
    ref: str
    body: dict[str, Any]


_COLUMNS = (
    "thread, tenant, pack, key, pack_digest, graph_version, status, onset, opened_at, closed_at, waiting_for,"
    " waiting_since, owner, epoch, attempts"
)


class Runs:
    """Tables `runs`, `mailbox`, `checkpoints` and `timers`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def add(self, run: Run) -> None:
        self._db.execute(
            "INSERT INTO runs"
            " (thread, tenant, pack, key, pack_digest, graph_version, status, current, onset, opened_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?)",
            (
                run.thread,
                run.tenant,
                run.pack,
                run.key,
                run.pack_digest,
                run.graph_version,
                run.status,
                run.onset,
                run.opened_at,
            ),
        )

    def get(self, thread: str) -> Run | None:
        row = self._db.execute(f"SELECT {_COLUMNS} FROM runs WHERE thread = ?", (thread,)).fetchone()
        return Run(*row) if row else None

    def current(self, tenant: str, pack: str, key: str) -> Run | None:
        """The run of this key that further signals may join."""
        row = self._db.execute(
            f"SELECT {_COLUMNS} FROM runs WHERE tenant = ? AND pack = ? AND key = ?"
            " AND current = 1 AND status <> 'finished'",
            (tenant, pack, key),
        ).fetchone()
        return Run(*row) if row else None

    def last_closed(self, tenant: str, pack: str, key: str) -> Run | None:
        """The run of this key that ended last."""
        row = self._db.execute(
            f"SELECT {_COLUMNS} FROM runs WHERE tenant = ? AND pack = ? AND key = ? AND closed_at IS NOT NULL"
            " ORDER BY closed_at DESC, onset DESC LIMIT 1",
            (tenant, pack, key),
        ).fetchone()
        return Run(*row) if row else None

    def unfinished(self) -> list[Run]:
        rows = self._db.execute(f"SELECT {_COLUMNS} FROM runs WHERE status <> 'finished' ORDER BY opened_at, thread")
        return [Run(*row) for row in rows]

    def retire(self, thread: str) -> None:
        """The run goes on, but no further signal joins it."""
        self._db.execute("UPDATE runs SET current = 0 WHERE thread = ?", (thread,))

    def runnable(self, owner: str, now: int, limit: int, held: Collection[str] = ()) -> list[str]:
        """The threads of the oldest runs that can move, but for those that the owner has in hand already."""
        rows = self._db.execute(
            "SELECT thread FROM runs WHERE status = 'runnable' AND next_at <= ?"
            " AND (owner IS NULL OR owner = ? OR lease_until < ?) ORDER BY opened_at, thread LIMIT ?",
            (now, owner, now, limit + len(held)),
        )
        return [thread for (thread,) in rows if thread not in held][:limit]

    def next_runnable(self, owner: str, now: int) -> str | None:
        """The thread of the oldest run that can move."""
        return next(iter(self.runnable(owner, now, 1)), None)

    def claimed_elsewhere(self, owner: str, now: int) -> bool:
        """Whether somebody else has a run under way."""
        query = "SELECT 1 FROM runs WHERE status = 'runnable' AND owner <> ? AND lease_until >= ? LIMIT 1"
        return self._db.execute(query, (owner, now)).fetchone() is not None

    def claim(self, owner: str, now: int) -> Run | None:
        """Take the oldest run that can move, under a new fencing epoch."""
        return next(iter(self.claim_many(owner, now, 1)), None)

    def claim_many(self, owner: str, now: int, limit: int, held: Collection[str] = ()) -> list[Run]:
        """Take the oldest runs that can move, each under a new fencing epoch; not those already in hand."""
        threads = self.runnable(owner, now, limit, held)
        self._db.executemany(
            "UPDATE runs SET owner = ?, epoch = epoch + 1, attempts = attempts + 1, lease_until = ? WHERE thread = ?",
            [(owner, now + LEASE_MICROS, thread) for thread in threads],
        )
        return [run for thread in threads if (run := self.get(thread)) is not None]

    def renew(self, run: Run, now: int) -> None:
        """Hold the run for another while.

        Raises:
            Fenced: the run was claimed again since.
        """
        self.fence(run)
        self._db.execute("UPDATE runs SET lease_until = ? WHERE thread = ?", (now + LEASE_MICROS, run.thread))

    def fence(self, run: Run) -> None:
        """Raises:
        Fenced: the run was claimed again since.
        """
        row = self._db.execute("SELECT epoch FROM runs WHERE thread = ?", (run.thread,)).fetchone()
        if row is None or row[0] != run.epoch:
            raise Fenced(f"run {run.thread}: claimed by somebody else since epoch {run.epoch}")

    def suspend(self, run: Run, waiting_for: str, now: int) -> None:
        """Give the run back; it is runnable again at once when mail is already there."""
        status = "runnable" if self.mail(run.thread) else "waiting"
        self._db.execute(
            "UPDATE runs SET status = ?, waiting_for = ?, waiting_since = ?, owner = NULL, lease_until = 0,"
            " attempts = 0 WHERE thread = ?",
            (status, waiting_for, now, run.thread),
        )

    def retry_at(self, run: Run, at: int) -> None:
        """Raises:
        Fenced: the run was claimed again since.
        """
        self.fence(run)
        self._db.execute(
            "UPDATE runs SET owner = NULL, lease_until = 0, next_at = ? WHERE thread = ?", (at, run.thread)
        )

    def leave(self, run: Run, at: int) -> None:
        """Give it back untouched: the attempt does not count.

        Raises:
            Fenced: the run was claimed again since.
        """
        self.fence(run)
        self._db.execute(
            "UPDATE runs SET owner = NULL, lease_until = 0, next_at = ?, attempts = attempts - 1 WHERE thread = ?",
            (at, run.thread),
        )

    def forgive(self, run: Run) -> None:
        """The attempt before this one does not count: the ledger was busy, the run had no part in it."""
        self._db.execute("UPDATE runs SET attempts = attempts - 1 WHERE thread = ?", (run.thread,))

    def finish(self, run: Run, closed_at: int) -> None:
        self._db.execute(
            "UPDATE runs SET status = 'finished', waiting_for = NULL, owner = NULL, lease_until = 0, closed_at = ?"
            " WHERE thread = ?",
            (closed_at, run.thread),
        )
        for table in ("timers", "watches", "checkpoints"):
            self._db.execute(f"DELETE FROM {table} WHERE thread = ?", (run.thread,))

    # mail

    def post(self, thread: str, ref: str, body: dict[str, Any]) -> bool:
        """Put mail into a run's box, once a `ref`, and make the run runnable; False when it was there already."""
        cursor = self._db.execute(
            "INSERT OR IGNORE INTO mailbox (thread, ref, body) VALUES (?, ?, ?)", (thread, ref, pack_doc(body))
        )
        if cursor.rowcount == 0:
            return False
        self._db.execute("UPDATE runs SET status = 'runnable' WHERE thread = ? AND status = 'waiting'", (thread,))
        return True

    def mail(self, thread: str) -> Mail | None:
        """The oldest that was not consumed."""
        row = self._db.execute(
            "SELECT id, ref, body FROM mailbox WHERE thread = ? AND consumed = 0 ORDER BY id LIMIT 1", (thread,)
        ).fetchone()
        return Mail(row[0], row[1], unpack_doc(row[2])) if row else None

    def consume(self, mail: Mail) -> None:
        self._db.execute("UPDATE mailbox SET consumed = 1 WHERE id = ?", (mail.id,))

    # checkpoints

    def save(self, thread: str, seq: int, doc: dict[str, Any]) -> None:
        """Ordered by our own number: checkpoint ids carry wall time, which can step back."""
        self._db.execute("INSERT INTO checkpoints VALUES (?, ?, ?)", (thread, seq, pack_doc(doc)))

    def checkpoint(self, thread: str) -> tuple[int, dict[str, Any]] | None:
        row = self._db.execute(
            "SELECT seq, doc FROM checkpoints WHERE thread = ? ORDER BY seq DESC LIMIT 1", (thread,)
        ).fetchone()
        return (row[0], unpack_doc(row[1])) if row else None

    # timers

    def set_timer(self, thread: str, ref: str, due: int) -> None:
        self._db.execute("INSERT OR REPLACE INTO timers VALUES (?, ?, ?)", (thread, ref, due))

    def clear_timer(self, thread: str, ref: str) -> None:
        self._db.execute("DELETE FROM timers WHERE thread = ? AND ref = ?", (thread, ref))

    def fire_due(self, now: int) -> int:
        """Turn due timers into mail; returns how many."""
        rows = self._db.execute(
            "SELECT thread, ref, due FROM timers WHERE due <= ? ORDER BY due, thread", (now,)
        ).fetchall()
        for thread, ref, due in rows:
            self.post(thread, f"timer:{ref}:{due}", {"kind": "timer", "timer": ref, "due": due})
            self.clear_timer(thread, ref)
        return len(rows)

    def next_due(self) -> int | None:
        due: int | None = self._db.execute("SELECT min(due) FROM timers").fetchone()[0]
        return due
