"""Detection across partitions: how far each one has come, and the parts that it added to panes that are still open."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.documents import pack_doc, unpack_doc


@dataclass(frozen=True, slots=True)
class Part:
    """What a batch, or several of one partition, added to the pane of a measure that begins at `start`."""

    seq: int
    measure: str
    start: int
    doc: Any


class Panes:
    """Tables `partitions` and `pane_parts`. Parts are only ever appended, put together, and deleted with their pane."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def know(self, pack: str, stream: str, new: Iterable[str], gone: Iterable[str] = ()) -> None:
        """Make partitions known, so that nothing is closed before they were read; what the others added stays."""
        self._db.executemany(
            "INSERT OR IGNORE INTO partitions VALUES (?, ?, ?, '{}')", [(pack, stream, part) for part in new]
        )
        self._db.executemany(
            "DELETE FROM partitions WHERE pack = ? AND stream = ? AND part = ?", [(pack, stream, part) for part in gone]
        )

    def partitions(self, pack: str, stream: str) -> dict[str, Any]:
        """Each partition's document, by name."""
        rows = self._db.execute(
            "SELECT part, doc FROM partitions WHERE pack = ? AND stream = ? ORDER BY part", (pack, stream)
        )
        return {part: unpack_doc(doc) for part, doc in rows}

    def put_partition(self, pack: str, stream: str, part: str, doc: Mapping[str, Any]) -> None:
        self._db.execute("INSERT OR REPLACE INTO partitions VALUES (?, ?, ?, ?)", (pack, stream, part, pack_doc(doc)))

    def add(self, pack: str, stream: str, part: str, docs: Mapping[tuple[str, int], Any]) -> None:
        """Append one part a (measure, start)."""
        self._db.executemany(
            "INSERT INTO pane_parts (pack, stream, measure, start, part, doc) VALUES (?, ?, ?, ?, ?, ?)",
            [(pack, stream, measure, start, part, pack_doc(doc)) for (measure, start), doc in docs.items()],
        )

    def crowded(self, pack: str, stream: str, part: str, pane: tuple[str, int], bound: int) -> list[Part]:
        """A partition's own parts of a pane, when there are more than `bound`."""
        theirs = "FROM pane_parts WHERE pack = ? AND stream = ? AND measure = ? AND start = ? AND part = ?"
        values = (pack, stream, *pane, part)
        if self._db.execute(f"SELECT count(*) {theirs}", values).fetchone()[0] <= bound:
            return []
        return self._parts([seq for (seq,) in self._db.execute(f"SELECT seq {theirs}", values).fetchall()])

    def _parts(self, seqs: Sequence[int]) -> list[Part]:
        found = []
        for seq in seqs:
            row = self._db.execute("SELECT measure, start, doc FROM pane_parts WHERE seq = ?", (seq,)).fetchone()
            found.append(Part(seq, row[0], row[1], unpack_doc(row[2])))
        return found

    def replace(self, parts: Sequence[Part], doc: Any) -> None:
        """One part in the place of several, under a number of its own: who read them sees that there are others now."""
        self._db.execute(
            "INSERT INTO pane_parts (pack, stream, measure, start, part, doc)"
            " SELECT pack, stream, measure, start, part, ? FROM pane_parts WHERE seq = ?",
            (pack_doc(doc), parts[0].seq),
        )
        self._db.executemany("DELETE FROM pane_parts WHERE seq = ?", [(part.seq,) for part in parts])

    def parts(self, pack: str, stream: str, before: Mapping[str, int]) -> list[Part]:
        """All parts of panes that begin before an instant, measure by measure, in the order of being written."""
        found = []
        for measure, end in before.items():
            rows = self._db.execute(
                "SELECT seq, start, doc FROM pane_parts WHERE pack = ? AND stream = ? AND measure = ? AND start < ?"
                " ORDER BY seq",
                (pack, stream, measure, end),
            )
            found += [Part(seq, measure, start, unpack_doc(doc)) for seq, start, doc in rows]
        return found

    def seqs(self, pack: str, stream: str, before: Mapping[str, int]) -> set[int]:
        """Which parts there are of panes that begin before an instant, measure by measure."""
        query = "SELECT seq FROM pane_parts WHERE pack = ? AND stream = ? AND measure = ? AND start < ?"
        return {
            seq for measure, end in before.items() for (seq,) in self._db.execute(query, (pack, stream, measure, end))
        }

    def close(self, pack: str, stream: str, before: Mapping[str, int]) -> None:
        """Delete the parts of panes that are closed, and those of measures that the pack no longer has."""
        known = [row[0] for row in self._measures(pack, stream)]
        for measure in known:
            if measure in before:
                self._db.execute(
                    "DELETE FROM pane_parts WHERE pack = ? AND stream = ? AND measure = ? AND start < ?",
                    (pack, stream, measure, before[measure]),
                )
            else:
                self._db.execute(
                    "DELETE FROM pane_parts WHERE pack = ? AND stream = ? AND measure = ?", (pack, stream, measure)
                )

    def _measures(self, pack: str, stream: str) -> list[Any]:
        return self._db.execute(
            "SELECT DISTINCT measure FROM pane_parts WHERE pack = ? AND stream = ?", (pack, stream)
        ).fetchall()

    def size(self) -> int:
        """How many parts there are, of all packs."""
        count: int = self._db.execute("SELECT count(*) FROM pane_parts").fetchone()[0]
        return count
