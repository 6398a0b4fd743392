"""The inbox: which events were seen, and what could not be taken."""

import hashlib
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

DEAD_LETTER_MAX_BYTES = 65_536
"""A dead letter keeps at most this much of its payload; `size` tells how long it was."""


@dataclass(frozen=True, slots=True)
class Received:
    """One event's identity within a subscription, and its payload's digest."""

    identity: bytes
    digest: bytes

    @classmethod
    def of(cls, tenant: str, source: str, event_id: str, content: bytes) -> "Received":
        name = "\x00".join((tenant, source, event_id)).encode()
        return cls(hashlib.blake2b(name, digest_size=16).digest(), hashlib.blake2b(content, digest_size=16).digest())


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be taken: `code` is machine-readable, `reason` says what to do."""

    topic: str
    message_id: str
    code: str
    reason: str
    payload: bytes
    at: int
    size: int


class Inbox:
    """Tables `inbox` and `dead_letters`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def known(self, subscription: str, items: Iterable[Received]) -> dict[bytes, bytes]:
        """The digests under which these identities were already received."""
        found: dict[bytes, bytes] = {}
        for item in items:
            row = self._db.execute(
                "SELECT digest FROM inbox WHERE subscription = ? AND identity = ?", (subscription, item.identity)
            ).fetchone()
            if row:
                found[item.identity] = row[0]
        return found

    def add(self, subscription: str, items: Iterable[Received], at: int) -> None:
        """Remember them; one that is already there is an error of the caller (it did not own the subscription)."""
        self._db.executemany(
            "INSERT INTO inbox VALUES (?, ?, ?, ?)",
            sorted((subscription, item.identity, item.digest, at) for item in items),
        )

    def bury(self, subscription: str, letters: Iterable[DeadLetter]) -> int:
        """Keep what could not be taken, once a message; returns how many are new."""
        before = self._db.total_changes
        self._db.executemany(
            "INSERT OR IGNORE INTO dead_letters (subscription, topic, message_id, code, reason, size, payload, at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    subscription,
                    letter.topic,
                    letter.message_id,
                    letter.code,
                    letter.reason,
                    letter.size,
                    letter.payload[:DEAD_LETTER_MAX_BYTES],
                    letter.at,
                )
                for letter in letters
            ],
        )
        return self._db.total_changes - before

    def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        """The latest first."""
        rows = self._db.execute(
            "SELECT topic, message_id, code, reason, payload, at, size FROM dead_letters ORDER BY id DESC LIMIT ?",
            (limit,),
        )
        return [DeadLetter(*row) for row in rows]

    def dead_letter_count(self) -> dict[str, int]:
        """How many there are of each code."""
        return dict(self._db.execute("SELECT code, count(*) FROM dead_letters GROUP BY code ORDER BY code").fetchall())

    def size(self) -> int:
        count: int = self._db.execute("SELECT count(*) FROM inbox").fetchone()[0]
        return count
