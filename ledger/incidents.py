"""Opening or joining an incident, its view, and the watches on its measure."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from contracts import Correlation, Signal, stable_id
from ledger.documents import pack_doc, unpack_doc
from ledger.runs import Run, Runs


@dataclass(frozen=True, slots=True)
class Joined:
    """What became of a signal. `suppressed`: an incident of this key ended less than the cool-down ago."""

    incident_id: str
    how: Literal["opened", "joined", "suppressed"]


class Incidents:
    """Tables `incidents` (a view, rebuilt from the journal) and `watches`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._runs = Runs(connection)

    def open_or_join(self, signal: Signal, correlation: Correlation, pack_digest: str, graph_version: int) -> Joined:
        """One operation: at most one current incident a (tenant, pack, key), which takes signals of its own window."""
        name = (signal.tenant, signal.pack, signal.key)
        current, closed = self._runs.current(*name), self._runs.last_closed(*name)
        if current is not None and abs(signal.onset - current.onset) <= correlation.window:
            return self._join(current, signal)
        if current is None and closed is not None and signal.onset < (closed.closed_at or 0) + correlation.cooldown:
            return Joined(closed.thread, "suppressed")
        thread = stable_id("inc", *name, signal.onset)
        if (known := self._runs.get(thread)) is not None:
            return self._join(known, signal) if known.status != "finished" else Joined(thread, "suppressed")
        if current is not None:
            self._runs.retire(current.thread)
        self._runs.add(
            Run(
                thread=thread,
                tenant=signal.tenant,
                pack=signal.pack,
                key=signal.key,
                pack_digest=pack_digest,
                graph_version=graph_version,
                status="runnable",
                onset=signal.onset,
                opened_at=signal.noticed_at,
                closed_at=None,
                waiting_for=None,
                waiting_since=None,
                owner=None,
                epoch=0,
                attempts=0,
            )
        )
        self._runs.post(thread, f"signal:{signal.id}", {"kind": "signal", "signal": signal.to_json()})
        return Joined(thread, "opened")

    def _join(self, run: Run, signal: Signal) -> Joined:
        self._runs.post(run.thread, f"signal:{signal.id}", {"kind": "signal", "signal": signal.to_json()})
        return Joined(run.thread, "joined")

    # the view

    def put(self, incident_id: str, opened_at: int, status: str, doc: Mapping[str, Any]) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO incidents VALUES (?, ?, ?, ?)",
            (incident_id, opened_at, status, pack_doc(dict(doc))),
        )

    def get(self, incident_id: str) -> dict[str, Any] | None:
        row = self._db.execute("SELECT doc FROM incidents WHERE id = ?", (incident_id,)).fetchone()
        return unpack_doc(row[0]) if row else None

    def all(self) -> list[dict[str, Any]]:
        """In the order of opening."""
        return [unpack_doc(doc) for (doc,) in self._db.execute("SELECT doc FROM incidents ORDER BY opened_at, id")]

    def forget_views(self) -> None:
        self._db.execute("DELETE FROM incidents")

    # watches

    def watch(self, thread: str, pack: str, measure: str, detector: str, key: str, doc: Mapping[str, Any]) -> None:
        """Watch the measure that raised the incident; a later watch of the same run replaces it."""
        self._db.execute(
            "INSERT OR REPLACE INTO watches VALUES (?, ?, ?, ?, ?, ?)",
            (thread, pack, measure, detector, key, pack_doc(dict(doc))),
        )

    def watches(self, pack: str) -> list[tuple[str, str, str, str, dict[str, Any]]]:
        """(thread, measure, detector, key, document) of a pack."""
        rows = self._db.execute(
            "SELECT thread, measure, detector, key, doc FROM watches WHERE pack = ? ORDER BY thread", (pack,)
        )
        return [(thread, measure, detector, key, unpack_doc(doc)) for thread, measure, detector, key, doc in rows]
