"""Small documents: monitor state, switches, memos, blobs, counters."""

import sqlite3
from collections.abc import Mapping
from typing import Any

from contracts import canonical, digest
from ledger.documents import pack_doc, unpack_doc

IDENTITY = "ledger"
"""The switch that holds the ledger's own id."""


class Documents:
    """Tables `monitor_state`, `switches`, `memos`, `blobs` and `counters`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def monitor(self, pack: str, part: str) -> dict[str, Any]:
        """The documents of a pack's monitor on one partition, by name."""
        rows = self._db.execute("SELECT name, doc FROM monitor_state WHERE pack = ? AND part = ?", (pack, part))
        return {name: unpack_doc(doc) for name, doc in rows}

    def monitor_doc(self, pack: str, name: str) -> Any:
        """One document of a pack's monitor, on whichever partition it is; None when there is none."""
        row = self._db.execute("SELECT doc FROM monitor_state WHERE pack = ? AND name = ?", (pack, name)).fetchone()
        return unpack_doc(row[0]) if row else None

    def part_doc(self, pack: str, part: str, name: str) -> Any:
        """One document of a pack's monitor on one partition or stream; None when there is none."""
        row = self._db.execute(
            "SELECT doc FROM monitor_state WHERE pack = ? AND part = ? AND name = ?", (pack, part, name)
        ).fetchone()
        return unpack_doc(row[0]) if row else None

    def event_time(self, pack: str) -> int:
        """Up to where a pack's panes are closed, in event time (microseconds); 0 before the first one is."""
        rows = self._db.execute("SELECT doc FROM monitor_state WHERE pack = ? AND name = 'clock'", (pack,))
        return max((unpack_doc(doc)["watermark"] or 0 for (doc,) in rows), default=0)

    def put_monitor(self, pack: str, part: str, docs: Mapping[str, Any]) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO monitor_state VALUES (?, ?, ?, ?)",
            [(pack, part, name, pack_doc(doc)) for name, doc in docs.items()],
        )

    def switch(self, name: str) -> Any:
        """A switch's document, or None."""
        row = self._db.execute("SELECT doc FROM switches WHERE name = ?", (name,)).fetchone()
        return unpack_doc(row[0]) if row else None

    def set_switch(self, name: str, doc: object) -> None:
        if doc is None:
            self._db.execute("DELETE FROM switches WHERE name = ?", (name,))
        else:
            self._db.execute("INSERT OR REPLACE INTO switches VALUES (?, ?)", (name, pack_doc(doc)))

    def switches(self) -> dict[str, Any]:
        return {name: unpack_doc(doc) for name, doc in self._db.execute("SELECT name, doc FROM switches")}

    def identity(self) -> str | None:
        """The ledger's own id, or None before `identify`."""
        found = self.switch(IDENTITY)
        return None if found is None else str(found)

    def identify(self, new: str) -> str:
        """Give the ledger this id, unless it has one; returns the one that it keeps."""
        if (found := self.identity()) is not None:
            return found
        self.set_switch(IDENTITY, new)
        return new

    def memo(self, key: str) -> Any:
        """What a model or a tool once answered under this key, or None."""
        row = self._db.execute("SELECT doc FROM memos WHERE key = ?", (key,)).fetchone()
        return unpack_doc(row[0]) if row else None

    def keep_memo(self, key: str, doc: object) -> Any:
        """Keep the first answer; returns the one that is kept."""
        self._db.execute("INSERT OR IGNORE INTO memos VALUES (?, ?)", (key, pack_doc(doc)))
        return self.memo(key)

    def put_blob(self, value: object) -> str:
        """Keep a JSON value under its digest; returns the digest."""
        name = digest(value)
        self._db.execute("INSERT OR IGNORE INTO blobs VALUES (?, ?)", (name, canonical(value)))
        return name

    def blob(self, name: str) -> Any:
        """Raises:
        KeyError: no blob has that digest.
        """
        row = self._db.execute("SELECT body FROM blobs WHERE digest = ?", (name,)).fetchone()
        if row is None:
            raise KeyError(name)
        return unpack_doc(row[0])

    def count(self, name: str, by: int) -> None:
        self._db.execute(
            "INSERT INTO counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
            (name, by),
        )

    def counter(self, name: str) -> int:
        """0 while nothing was counted under this name."""
        row = self._db.execute("SELECT value FROM counters WHERE name = ?", (name,)).fetchone()
        return int(row[0]) if row else 0

    def counters(self) -> dict[str, int]:
        return dict(self._db.execute("SELECT name, value FROM counters ORDER BY name").fetchall())
