"""The journal: every event of ours, in order, and the outbox that copies them to topics and the webhook."""

import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import msgspec

from contracts import Event, decode_event, encode_event

EVENT_MAX_BYTES = 1_000_000
"""No event of ours may be larger: checked when the row is written, so that no row can block the relay."""


class _Keyed(msgspec.Struct):
    partitionkey: str | None = None


_keyed = msgspec.json.Decoder(_Keyed).decode


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """An event on its way, as it was written. `seq` is its number in the journal."""

    seq: int
    destination: str
    event_id: str
    type: str
    payload: bytes

    @property
    def key(self) -> str | None:
        """What orders it among its like."""
        return _keyed(self.payload).partitionkey


class Journal:
    """Tables `journal` and `outbox`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def append(self, event: Event, destinations: Sequence[str] = ()) -> int | None:
        """Write one event, once an id; returns its number, or None when it was there already.

        Raises:
            ValueError: the event is larger than `EVENT_MAX_BYTES`.
        """
        payload = encode_event(event)
        if len(payload) > EVENT_MAX_BYTES:
            raise ValueError(f"{event.type} {event.id}: {len(payload)} bytes; at most {EVENT_MAX_BYTES}")
        row = self._db.execute(
            "INSERT INTO journal (id, type, time, incident, event) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO NOTHING RETURNING seq",
            (event.id, event.type, event.time, event.correlation_id, payload),
        ).fetchone()
        if row is None:
            return None
        seq: int = row[0]
        self._db.executemany(
            "INSERT INTO outbox (seq, destination) VALUES (?, ?)", [(seq, name) for name in destinations]
        )
        return seq

    def events(
        self, *, incident: str | None = None, type_prefix: str = "", after: int = 0, limit: int = 1_000_000
    ) -> list[Event]:
        """In the order of writing."""
        return [
            event for _, event in self.numbered(incident=incident, type_prefix=type_prefix, after=after, limit=limit)
        ]

    def numbered(
        self, *, incident: str | None = None, type_prefix: str = "", after: int = 0, limit: int = 1_000_000
    ) -> list[tuple[int, Event]]:
        clauses, values = ["seq > ?"], [after]
        parameters: list[object] = list(values)
        if incident is not None:
            clauses.append("incident = ?")
            parameters.append(incident)
        if type_prefix:
            clauses.append("type >= ? AND type < ?")
            parameters += [type_prefix, type_prefix + "\U0010ffff"]
        rows = self._db.execute(
            f"SELECT seq, event FROM journal WHERE {' AND '.join(clauses)} ORDER BY seq LIMIT ?", (*parameters, limit)
        )
        return [(seq, decode_event(payload, tenant=None)) for seq, payload in rows]

    def of_type(self, kind: str, after: int) -> list[tuple[int, Event]]:
        """Events of exactly this type with their numbers, beyond a number; as cheap as they are few."""
        rows = self._db.execute("SELECT seq, event FROM journal WHERE type = ? AND seq > ? ORDER BY seq", (kind, after))
        return [(seq, decode_event(payload, tenant=None)) for seq, payload in rows]

    def has(self, event_id: str) -> bool:
        """Whether an event of this id was written."""
        return self._db.execute("SELECT 1 FROM journal WHERE id = ?", (event_id,)).fetchone() is not None

    def incidents(self, prefix: str) -> list[str]:
        """The incidents that events belong to, whose id begins so, in order."""
        rows = self._db.execute(
            "SELECT DISTINCT incident FROM journal WHERE incident >= ? AND incident < ? ORDER BY incident",
            (prefix, prefix + "\U0010ffff"),
        )
        return [incident for (incident,) in rows]

    def latest_number(self) -> int:
        """The number of the event that was written last; 0 while there is none."""
        number: int = self._db.execute("SELECT coalesce(max(seq), 0) FROM journal").fetchone()[0]
        return number

    def latest_time(self) -> int | None:
        """The latest time (microseconds) of any event; None while there is none."""
        latest: int | None = self._db.execute("SELECT max(time) FROM journal").fetchone()[0]
        return latest

    def unsent(self, destination_prefix: str, limit: int, *, but: Collection[str] = ()) -> list[OutboxRow]:
        """Rows that were not sent yet, in order, `but` those for some destinations.

        Writers come one after the other, so no lower number comes later.
        """
        rows = self._db.execute(
            "SELECT o.seq, o.destination, j.id, j.type, j.event FROM outbox o JOIN journal j ON j.seq = o.seq"
            " WHERE o.sent_at IS NULL AND o.destination >= ? AND o.destination < ?"
            f" AND o.destination NOT IN ({', '.join('?' * len(but))}) ORDER BY o.seq LIMIT ?",
            (destination_prefix, destination_prefix + "\U0010ffff", *but, limit),
        )
        return [OutboxRow(*row) for row in rows]

    def unsent_count(self, destination_prefix: str = "") -> int:
        count: int = self._db.execute(
            "SELECT count(*) FROM outbox WHERE sent_at IS NULL AND destination >= ? AND destination < ?",
            (destination_prefix, destination_prefix + "\U0010ffff"),
        ).fetchone()[0]
        return count

    def mark_sent(self, rows: Sequence[OutboxRow], at: int) -> None:
        self._db.executemany(
            "UPDATE outbox SET sent_at = ? WHERE seq = ? AND destination = ?",
            [(at, row.seq, row.destination) for row in rows],
        )
