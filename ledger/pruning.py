"""Pruning: taking away what nothing needs any more, in small transactions.

Times in the journal are event time, which in a replay lies years back. So pruning notes now and then how far the
journal had come (a mark), and an age is judged by the marks: by our own clock, at which the rows were written.
"""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from contracts import DAY
from ledger.documents import unpack_doc
from ledger.inbox import Inbox
from ledger.retention import Retention

MARKS = 50
"""Marks within the time that the journal is kept."""
RUN_GUARD_MICROS = 32 * DAY
"""A finished run's row stays until the stream is so far behind its end that no event of its time can come any more."""
EPISODES = "forestall.episode.recorded"
_DIGEST = re.compile(rb'"([0-9a-f]{64})"')


@dataclass(frozen=True, slots=True)
class Pruned:
    """Rows that went, by what they were. `more`: there is work left for another transaction."""

    rows: Mapping[str, int]
    more: bool


class Pruning:
    """Tables `prune_marks`, `prune_cursors` and `blob_refs`, and deleting in all the others."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._inbox = Inbox(connection)

    def prune(self, now: int, retention: Retention) -> Pruned:
        """Take one slice away."""
        limit = retention.slice_rows
        self._mark(now, retention)
        gone = Counter(
            inbox=self._inbox.forget(now - retention.inbox_us, limit),
            outbox=self._outbox(now - retention.outbox_us, limit),
            dead_letters=self._dead_letters(now - retention.dead_letters_us, retention.dead_letters_max_rows, limit),
            counters=self._spent_hours(now, limit),
        )
        behind = self._note_references("journal", "seq", "event", limit) + self._note_references(
            "mailbox", "id", "CAST(body AS BLOB)", limit
        )
        incidents = 0
        if not behind:
            old = self._marked(now - retention.incidents_us)
            for incident in (found := self._ended(old, retention.slice_incidents)):
                gone.update(self._incident(incident))
            incidents = len(found)
            gone["journal"] += self._journal(self._marked(now - retention.journal_us), limit)
            gone["runs"] += self._runs(limit)
        more = behind > 0 or incidents == retention.slice_incidents or any(rows >= limit for rows in gone.values())
        return Pruned({name: rows for name, rows in sorted(gone.items()) if rows}, more)

    def _mark(self, now: int, retention: Retention) -> None:
        kept = max(retention.incidents_us, retention.journal_us)
        (last,) = self._db.execute("SELECT coalesce(max(at), ?) FROM prune_marks", (now - kept - 1,)).fetchone()
        if now - last < kept // MARKS:
            return
        self._db.execute("INSERT OR REPLACE INTO prune_marks SELECT ?, coalesce(max(seq), 0) FROM journal", (now,))
        self._db.execute(
            "DELETE FROM prune_marks WHERE at < (SELECT max(at) FROM prune_marks WHERE at <= ?)", (now - kept,)
        )

    def _marked(self, before: int) -> int:
        """The last number of the journal that is surely older than this."""
        (seq,) = self._db.execute(
            "SELECT coalesce(max(journal), 0) FROM prune_marks WHERE at <= ?", (before,)
        ).fetchone()
        return int(seq)

    def _outbox(self, before: int, limit: int) -> int:
        return self._delete("outbox", "(seq, destination)", "sent_at < ?", (before,), limit)

    def _dead_letters(self, before: int, most: int, limit: int) -> int:
        """Old ones that were published, and the oldest beyond the cap: those are counted, nobody may have seen them."""
        gone = self._delete("dead_letters", "id", "at < ? AND published = 1", (before,), limit)
        (last,) = self._db.execute("SELECT coalesce(max(id), 0) FROM dead_letters").fetchone()
        (rows,) = self._db.execute("SELECT count(*) FROM dead_letters").fetchone()
        if rows > most and gone < limit:
            dropped = self._delete("dead_letters", "id", "id <= ?", (last - most,), min(limit - gone, rows - most))
            self._db.execute(
                "INSERT INTO counters VALUES ('dead_letters_dropped', ?)"
                " ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
                (dropped,),
            )
            gone += dropped
        return gone

    def _spent_hours(self, now: int, limit: int) -> int:
        """Counters of a reflex's calls in an hour that is over for a day."""
        names = [name for (name,) in self._db.execute("SELECT name FROM counters WHERE name GLOB 'reflex:*:hour:*'")]
        over = [name for name in names if int(name.rpartition(":")[2]) < (now - DAY) // (DAY // 24)][:limit]
        self._db.executemany("DELETE FROM counters WHERE name = ?", [(name,) for name in over])
        return len(over)

    def _note_references(self, table: str, key: str, body: str, limit: int) -> int:
        """Note which blobs new rows name; returns how many rows were noted when there may be more, else 0."""
        (done,) = self._db.execute(
            "SELECT coalesce(max(value), 0) FROM prune_cursors WHERE name = ?", (table,)
        ).fetchone()
        rows = self._db.execute(
            f"SELECT {key}, {body} FROM {table} WHERE {key} > ? ORDER BY {key} LIMIT ?", (done, limit)
        ).fetchall()
        found = {(digest.decode(), table, number) for number, text in rows for digest in _DIGEST.findall(text)}
        self._db.executemany(
            "INSERT OR IGNORE INTO blob_refs SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM blobs WHERE digest = ?1)",
            found,
        )
        if rows:
            self._db.execute("INSERT OR REPLACE INTO prune_cursors VALUES (?, ?)", (table, rows[-1][0]))
        return len(rows) if len(rows) == limit else 0

    def _ended(self, old: int, limit: int) -> list[str]:
        """Incidents of which nothing is under way and nothing was written since the journal's number `old`."""
        rows = self._db.execute(
            "SELECT i.id FROM incidents i JOIN runs r ON r.thread = i.id WHERE r.status = 'finished'"
            " AND NOT EXISTS (SELECT 1 FROM journal j WHERE j.incident = i.id AND j.seq > ?)"
            " AND NOT EXISTS (SELECT 1 FROM commands c WHERE c.incident = i.id AND (c.status <> 'done'"
            "  OR json_extract(c.outcome, '$.status') = 'unknown'))"
            " AND NOT EXISTS (SELECT 1 FROM approvals a WHERE a.incident = i.id AND a.status = 'open')"
            " AND NOT EXISTS (SELECT 1 FROM journal j JOIN outbox o ON o.seq = j.seq WHERE j.incident = i.id)"
            " ORDER BY i.opened_at, i.id LIMIT ?",
            (old, limit),
        )
        return [incident for (incident,) in rows]

    def _incident(self, incident: str) -> Counter[str]:
        """Everything about one incident but its episode and the row of its run."""
        seqs = self._keys("SELECT seq FROM journal WHERE incident = ? AND type <> ?", (incident, EPISODES))
        mail = self._keys("SELECT id FROM mailbox WHERE thread = ?", (incident,))
        gone = Counter(incidents=1, journal=len(seqs), mailbox=len(mail))
        gone["blobs"] = self._unrefer("journal", seqs) + self._unrefer("mailbox", mail)
        self._db.executemany("DELETE FROM journal WHERE seq = ?", [(seq,) for seq in seqs])
        self._db.execute("DELETE FROM mailbox WHERE thread = ?", (incident,))
        self._db.execute("DELETE FROM incidents WHERE id = ?", (incident,))
        for table in ("commands", "approvals"):
            gone[table] = self._db.execute(f"DELETE FROM {table} WHERE incident = ?", (incident,)).rowcount
        gone["memos"] = self._db.execute(
            "DELETE FROM memos WHERE key >= ?1 || ':' AND key < ?1 || ';'", (incident,)
        ).rowcount
        return gone

    def _journal(self, old: int, limit: int) -> int:
        """Events up to the journal's number `old` that belong to no run: reflexes, noted signals, words of people."""
        seqs = self._keys(
            "SELECT j.seq FROM journal j WHERE j.seq <= ? AND j.type <> ?"
            " AND (j.incident IS NULL OR NOT EXISTS (SELECT 1 FROM runs r WHERE r.thread = j.incident))"
            " AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.seq = j.seq)"
            " AND NOT EXISTS (SELECT 1 FROM commands c WHERE c.incident = j.incident AND c.status <> 'done')"
            " ORDER BY j.seq LIMIT ?",
            (old, EPISODES, limit),
        )
        marks = ",".join("?" * len(seqs))
        names = self._keys(
            f"SELECT DISTINCT incident FROM journal WHERE seq IN ({marks}) AND incident IS NOT NULL", seqs
        )
        self._unrefer("journal", seqs)
        self._db.executemany("DELETE FROM journal WHERE seq = ?", [(seq,) for seq in seqs])
        self._db.executemany(
            "DELETE FROM commands WHERE incident = ?1 AND status = 'done'"
            " AND NOT EXISTS (SELECT 1 FROM journal WHERE incident = ?1)",
            [(name,) for name in names],
        )
        return len(seqs)

    def _runs(self, limit: int) -> int:
        """Rows of finished runs whose incident went, but for the last of each key, which a cool-down may ask for."""
        times = {
            pack: max((unpack_doc(doc).get("watermark") or 0 for (doc,) in self._clocks(pack)), default=0)
            for pack in self._keys("SELECT DISTINCT pack FROM runs WHERE status = 'finished'", ())
        }
        gone = 0
        for pack, time in times.items():
            gone += self._db.execute(
                "DELETE FROM runs WHERE thread IN (SELECT r.thread FROM runs r WHERE r.pack = ?1"
                " AND r.status = 'finished' AND r.closed_at < ?2"
                " AND NOT EXISTS (SELECT 1 FROM incidents i WHERE i.id = r.thread)"
                " AND EXISTS (SELECT 1 FROM runs s WHERE s.tenant = r.tenant AND s.pack = r.pack AND s.key = r.key"
                "  AND s.closed_at > r.closed_at) LIMIT ?3)",
                (pack, time - RUN_GUARD_MICROS, limit),
            ).rowcount
        return gone

    def _clocks(self, pack: str) -> list[tuple[str]]:
        return self._db.execute("SELECT doc FROM monitor_state WHERE pack = ? AND name = 'clock'", (pack,)).fetchall()

    def _unrefer(self, source: str, numbers: Iterable[int]) -> int:
        """Forget what these rows name, and the blobs that nothing else names; returns how many blobs went."""
        gone = 0
        for number in numbers:
            where = (source, number)
            for digest in self._keys("SELECT digest FROM blob_refs WHERE source = ? AND number = ?", where):
                self._db.execute(
                    "DELETE FROM blob_refs WHERE digest = ? AND source = ? AND number = ?", (digest, *where)
                )
                gone += self._db.execute(
                    "DELETE FROM blobs WHERE digest = ?1 AND NOT EXISTS (SELECT 1 FROM blob_refs WHERE digest = ?1)",
                    (digest,),
                ).rowcount
        return gone

    def _delete(self, table: str, key: str, where: str, values: tuple[object, ...], limit: int) -> int:
        columns = key.strip("()")
        return self._db.execute(
            f"DELETE FROM {table} WHERE {key} IN (SELECT {columns} FROM {table} WHERE {where} LIMIT ?)",
            (*values, limit),
        ).rowcount

    def _keys(self, query: str, values: Iterable[object]) -> list[Any]:
        return [key for (key,) in self._db.execute(query, tuple(values))]
