"""The inbox: which events were seen, and what could not be taken."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contracts import DAY
from ledger.errors import InboxMoved
from ledger.records import joined

if TYPE_CHECKING:
    from ledger.inbox_index import Added, Seen

DEAD_LETTER_MAX_BYTES = 65_536
"""A dead letter keeps at most this much of its payload; `size` tells how long it was."""
INBOX_HORIZON_MICROS = 7 * DAY
"""A repetition is known as such for at least this long after its first arrival, unless the subscription's
`max_identities` were exceeded before; pruning forgets what is older."""
DROP_ROWS = 256


@dataclass(frozen=True, slots=True)
class InboxRow:
    """One batch: identities of 16 bytes and digests of 8, one after the other. `upto` is the last one's number."""

    upto: int
    items: int
    identities: bytes
    digests: bytes


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be taken: `code` is machine-readable, `reason` says what to do.

    The ledger gives it a `number`; `seen_at` is when a person said to have seen it (microseconds).
    """

    topic: str
    message_id: str
    code: str
    reason: str
    payload: bytes
    at: int
    size: int
    number: int = 0
    seen_at: int | None = None


@dataclass(frozen=True, slots=True)
class Unpublished:
    """A dead letter that was not copied to its topic yet; `number` orders them."""

    number: int
    subscription: str
    letter: DeadLetter


class Inbox:
    """Tables `inbox_batches`, `inbox` (rows of version 1) and `dead_letters`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def add_batch(self, seen: "Seen", identities: Sequence[bytes], digests: Sequence[bytes], at: int) -> "Added | None":
        """Remember a batch of which `seen` knew none; the oldest beyond its `max_identities` are forgotten.

        What it returns is for `InboxIndex.own`, once it is committed; None when there is nothing to remember.

        Raises:
            InboxMoved: one of them was written since the look, by another partition or process; or so many events were
                that whoever holds the ledger must not read them.
            ValueError: an identity is in the batch twice.
        """
        from ledger.inbox_index import (
            LOAD_IDENTITIES,
            Added,
            repeats,
            run_of,
        )  # numpy costs a tenth of a second, which no command line waits for

        if not identities:
            return None
        if repeats(identities):
            raise ValueError("identities: one is in the batch twice; take its first event only")
        last = self.last_number(seen.subscription)
        if last - seen.upto > LOAD_IDENTITIES:
            raise InboxMoved(f"inbox {seen.subscription}: {last - seen.upto} events were taken since the look")
        if last > seen.upto:
            self._assert_new(seen, joined(identities))
        upto = last + len(identities)
        row = InboxRow(upto, len(identities), joined(identities), joined(digests))
        self._db.execute(
            "INSERT INTO inbox_batches VALUES (?, ?, ?, ?, ?, ?)",
            (seen.subscription, upto, row.items, at, row.identities, row.digests),
        )
        forgotten = upto - max(seen.max_identities, len(identities))
        if forgotten > 0:
            self._db.execute(
                "DELETE FROM inbox_batches WHERE rowid IN (SELECT rowid FROM inbox_batches WHERE subscription = ?1"
                " AND upto <= ?2 ORDER BY upto LIMIT ?3)",
                (seen.subscription, forgotten, DROP_ROWS),
            )
        return Added(upto, row.items, run_of([row]))

    def _assert_new(self, seen: "Seen", identities: bytes) -> None:
        from ledger.inbox_index import any_of

        upto = seen.upto
        while rows := self.batches_after(seen.subscription, upto, seen.max_identities):
            if any_of(rows, identities):
                raise InboxMoved(f"inbox {seen.subscription}: some of these events were taken elsewhere meanwhile")
            upto = rows[-1].upto

    def batches_after(self, subscription: str, number: int, identities: int) -> list[InboxRow]:
        """The batches behind `number` in order, about `identities` of them at once, at least one batch."""
        rows: list[InboxRow] = []
        left = identities
        for row in self._db.execute(
            "SELECT upto, items, identities, digests FROM inbox_batches WHERE subscription = ? AND upto > ?"
            " ORDER BY upto",
            (subscription, number),
        ):
            rows.append(InboxRow(*row))
            left -= rows[-1].items
            if left <= 0:
                break
        return rows

    def last_number(self, subscription: str) -> int:
        """How many identities were ever added."""
        row = self._db.execute("SELECT max(upto) FROM inbox_batches WHERE subscription = ?", (subscription,)).fetchone()
        return row[0] or 0

    def first_number(self, subscription: str) -> int:
        """The number of the oldest identity that is still remembered; 1 while there is none."""
        row = self._db.execute(
            "SELECT upto - items + 1 FROM inbox_batches WHERE subscription = ? ORDER BY upto LIMIT 1", (subscription,)
        ).fetchone()
        return row[0] if row else 1

    def forget(self, before: int, max_rows: int) -> int:
        """Forget batches that came before an instant, oldest first, at most `max_rows`; returns how many rows went.

        The last batch of a subscription stays: the numbers go on from it.
        """
        gone = 0
        for (name,) in self._db.execute("SELECT DISTINCT subscription FROM inbox_batches").fetchall():
            oldest = self._db.execute(
                "SELECT upto, at FROM inbox_batches WHERE subscription = ? AND upto < ? ORDER BY upto LIMIT ?",
                (name, self.last_number(name), max_rows - gone),
            ).fetchall()
            stays = next((place for place, (_, at) in enumerate(oldest) if at >= before), len(oldest))
            if stays:
                self._db.execute(
                    "DELETE FROM inbox_batches WHERE subscription = ? AND upto <= ?", (name, oldest[stays - 1][0])
                )
                gone += stays
        return gone + self._forget_former(before, max_rows - gone)

    def _forget_former(self, before: int, max_rows: int) -> int:
        return self._db.execute(
            "DELETE FROM inbox WHERE (subscription, identity) IN"
            " (SELECT subscription, identity FROM inbox WHERE received_at < ? LIMIT ?)",
            (before, max_rows),
        ).rowcount

    def has_former(self, subscription: str) -> bool:
        """Whether there are rows of version 1."""
        return bool(self._db.execute("SELECT 1 FROM inbox WHERE subscription = ? LIMIT 1", (subscription,)).fetchone())

    def former(self, subscription: str) -> tuple[bytes, bytes]:
        """Identities and digests (16 bytes each) of the rows of version 1, one after the other."""
        rows = self._db.execute("SELECT identity, digest FROM inbox WHERE subscription = ?", (subscription,)).fetchall()
        return b"".join(identity for identity, _ in rows), b"".join(digest for _, digest in rows)

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

    def unpublished(self, limit: int) -> list[Unpublished]:
        """Dead letters that were not copied to their topic yet, in order."""
        rows = self._db.execute(
            "SELECT id, subscription, topic, message_id, code, reason, payload, at, size FROM dead_letters"
            " WHERE published = 0 ORDER BY id LIMIT ?",
            (limit,),
        )
        return [Unpublished(number, subscription, DeadLetter(*letter)) for number, subscription, *letter in rows]

    def mark_published(self, letters: Iterable[Unpublished]) -> None:
        """They were."""
        self._db.executemany("UPDATE dead_letters SET published = 1 WHERE id = ?", [(each.number,) for each in letters])

    def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        """The latest first."""
        rows = self._db.execute(
            "SELECT topic, message_id, code, reason, payload, at, size, id, seen_at FROM dead_letters"
            " ORDER BY id DESC LIMIT ?",
            (limit,),
        )
        return [DeadLetter(*row) for row in rows]

    def dead_letter(self, number: int) -> DeadLetter | None:
        """The one with this number."""
        row = self._db.execute(
            "SELECT topic, message_id, code, reason, payload, at, size, id, seen_at FROM dead_letters WHERE id = ?",
            (number,),
        ).fetchone()
        return None if row is None else DeadLetter(*row)

    def reasons(self) -> Iterator[tuple[int, str, str, str, bool]]:
        """(number, topic, code, reason, whether a person has seen it) of every dead letter, the latest first."""
        rows = self._db.execute("SELECT id, topic, code, reason, seen_at FROM dead_letters ORDER BY id DESC")
        for number, topic, code, reason, seen_at in rows:
            yield number, topic, code, reason, seen_at is not None

    def dead_letter_count(self, *, unseen: bool = False) -> dict[str, int]:
        """How many there are of each code; `unseen`: of those that no person has seen."""
        where = "WHERE seen_at IS NULL" if unseen else ""
        query = f"SELECT code, count(*) FROM dead_letters {where} GROUP BY code ORDER BY code"
        return dict(self._db.execute(query).fetchall())

    def unseen(self) -> list[tuple[int, str, str, str]]:
        """(number, topic, code, reason) of the dead letters that no person has seen, in order."""
        return self._db.execute(
            "SELECT id, topic, code, reason FROM dead_letters WHERE seen_at IS NULL ORDER BY id"
        ).fetchall()

    def mark_seen(self, numbers: Iterable[int], at: int) -> int:
        """A person has seen them; returns how many were not so before."""
        before = self._db.total_changes
        self._db.executemany(
            "UPDATE dead_letters SET seen_at = ? WHERE id = ? AND seen_at IS NULL", [(at, each) for each in numbers]
        )
        return self._db.total_changes - before
