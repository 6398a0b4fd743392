"""The fast way through a batch: it says yes to what is plainly an event of the stream, and doubts the rest."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import fastjsonschema

from contracts import CONTROL_CHARACTERS, DATA_MAX_DEPTH, SECOND, MalformedEvent, data_version, from_iso
from graphs.screening import EVENT_MAX_BYTES, FUTURE_TOLERANCE
from graphs.wire_forms import Form

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = from_iso("1900-01-01T00:00:00Z")
_DOUBTFUL = _EARLIEST - 1


@dataclass(slots=True)
class Rows:
    """Events that are accepted: their places in the batch, envelopes with their data, and times."""

    places: list[int]
    wires: list[Any]
    times: list[int]

    def keep(self, fits: Iterable[bool]) -> None:
        """Doubt the others."""
        kept = [row for row, fit in enumerate(fits) if fit]
        if len(kept) < len(self.places):
            self._only(kept)

    def sort(self) -> None:
        self._only(sorted(range(len(self.places)), key=self.places.__getitem__))

    def _only(self, rows: Sequence[int]) -> None:
        self.places = [self.places[row] for row in rows]
        self.wires = [self.wires[row] for row in rows]
        if self.times:
            self.times = [self.times[row] for row in rows]


def sure(form: Form, payloads: Sequence[bytes], now: int) -> Rows:
    """What the fast way accepts. `now` is our own clock (microseconds)."""
    rows = _decoded(form, payloads)
    if not _plain(b"".join(payloads)):
        pairs = zip(rows.places, rows.wires, strict=True)
        rows.keep([_plain(payloads[place]) or _clean(wire) for place, wire in pairs])
    if wrong := {kind for kind in {wire.datacontenttype for wire in rows.wires} if not _is_json(kind)}:
        rows.keep([wire.datacontenttype not in wrong for wire in rows.wires])
    if form.nests:
        rows.keep([_openings(payloads[place]) <= DATA_MAX_DEPTH for place in rows.places])
    times = [_instant(wire.time) for wire in rows.wires]
    if times:
        rows.times = times
        latest = now + FUTURE_TOLERANCE
        if min(times) < _EARLIEST or max(times) > latest:
            rows.keep([_EARLIEST <= time <= latest for time in times])
    return rows


def _decoded(form: Form, payloads: Sequence[bytes]) -> Rows:
    places: list[int] = []
    wires: list[Any] = []
    decode, take = form.decode, wires.append
    for place, payload in enumerate(payloads):
        if len(payload) > EVENT_MAX_BYTES:
            continue
        try:
            take(decode(payload))
        except (ValueError, RecursionError, fastjsonschema.JsonSchemaValueException):
            continue
        places.append(place)
    return Rows(places, wires, [])


def _plain(payload: bytes) -> bool:
    """Whether no text in it can hold a control character: they are written with a backslash, or not in ASCII."""
    return payload.isascii() and b"\\" not in payload and b"\x7f" not in payload


def _clean(wire: Any) -> bool:
    """Whether no attribute holds a control character."""
    notes = (wire.partitionkey, wire.causationid, wire.correlationid, wire.traceparent)
    together = "".join((wire.id, wire.source, wire.time, *filter(None, notes)))
    return wire.time.isascii() and (together.isprintable() or CONTROL_CHARACTERS.search(together) is None)


def _is_json(content_type: str) -> bool:
    try:
        data_version(content_type)
    except MalformedEvent:
        return False
    return True


def _openings(payload: bytes) -> int:
    return payload.count(b"{") + payload.count(b"[")


def _instant(text: str) -> int:
    """Microseconds; far in the past for what is doubtful, which is then read by itself."""
    try:
        passed = datetime.fromisoformat(text) - _EPOCH
    except (ValueError, TypeError, OverflowError):
        return _DOUBTFUL
    return (passed.days * 86_400 + passed.seconds) * SECOND + passed.microseconds
