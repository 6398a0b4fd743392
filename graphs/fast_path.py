"""The fast way through a batch of envelopes: it says yes to what is plainly an event of the stream, and doubts the
rest."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import fastjsonschema

from agents.mapping import calendar
from agents.monitoring import Fields
from contracts import CONTROL_CHARACTERS, DATA_MAX_DEPTH, SECOND, MalformedEvent, data_version, from_iso
from graphs.screening import EVENT_MAX_BYTES, FUTURE_TOLERANCE, Incoming
from graphs.taken import Taken, digests_of
from graphs.wire_forms import Form

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = from_iso("1900-01-01T00:00:00Z")
_DOUBTFUL = _EARLIEST - 1
FEW = 128
"""So few times are read sooner one by one."""
SLICE = 512
"""So many are decoded at once: what is made of them lies in the processor's nearer memory when the next come, and is
made in the same place (`docs/design/speed.md`)."""


@dataclass(slots=True)
class Rows:
    """Events that are accepted: their places in the batch, envelopes with their data, and times."""

    places: Sequence[int]
    wires: list[Any]
    times: list[int]

    def keep(self, fits: Iterable[bool]) -> None:
        """Doubt the others."""
        kept = [row for row, fit in enumerate(fits) if fit]
        if len(kept) < len(self.places):
            self._only(kept)

    def _only(self, rows: Sequence[int]) -> None:
        self.places = [self.places[row] for row in rows]
        self.wires = [self.wires[row] for row in rows]
        if self.times:
            self.times = [self.times[row] for row in rows]


class EnvelopeWay:
    """Says yes where `Screen.read` does, and passes over the rest. An element of the data is what the form makes.

    Of types that are not `heard` it is None: it was read, and nobody looks at it.
    """

    def __init__(self, form: Form, heard: Collection[str]) -> None:
        self._form, self._heard = form, frozenset(heard)

    def take(self, messages: Sequence[Incoming], payloads: Sequence[bytes], now: int) -> Taken:  # noqa: ARG002
        """What is surely an event of the stream."""
        taken, written, heard = Taken(), list[str](), self._heard
        for first in range(0, len(payloads), SLICE):
            part = payloads[first : first + SLICE]
            rows = _but_for_time(self._form, part)
            wires = rows.wires
            taken.places += (
                range(first, first + len(part)) if len(wires) == len(part) else (first + place for place in rows.places)
            )
            taken.ids += [wire.id for wire in wires]
            taken.sources += [wire.source for wire in wires]
            taken.types += [wire.kind for wire in wires]
            taken.data += [wire.data if wire.kind in heard else None for wire in wires]
            taken.digests += digests_of(part, rows.places)
            written += [wire.time for wire in wires]
        taken.times = instants(written)
        if (fits := _believable(taken.times, now)) is not None:
            taken.keep(fits)
        return taken

    def element(self, data: Mapping[str, Any]) -> Any:
        """The data of an event that was read by itself."""
        return self._form.element(data)

    def fields(self) -> Fields:
        """Of the elements that were made until now."""
        return self._form.fields()


def sure(form: Form, payloads: Sequence[bytes], now: int) -> Rows:
    """What the fast way accepts. `now` is our own clock (microseconds)."""
    rows = _but_for_time(form, payloads)
    rows.times = instants([wire.time for wire in rows.wires])
    if (fits := _believable(rows.times, now)) is not None:
        rows.keep(fits)
    return rows


def _believable(times: Sequence[int], now: int) -> list[bool] | None:
    """Which of them are neither doubtful nor too far ahead; None where all are."""
    latest = now + FUTURE_TOLERANCE
    if not times or (min(times) >= _EARLIEST and max(times) <= latest):
        return None
    return [_EARLIEST <= time <= latest for time in times]


def _but_for_time(form: Form, payloads: Sequence[bytes]) -> Rows:
    """What is accepted if its time is."""
    rows = _decoded(form, payloads)
    if not _plain(b"".join(payloads)):
        pairs = zip(rows.places, rows.wires, strict=True)
        rows.keep([_plain(payloads[place]) or _clean(wire) for place, wire in pairs])
    if wrong := {kind for kind in {wire.datacontenttype for wire in rows.wires} if not _is_json(kind)}:
        rows.keep([wire.datacontenttype not in wrong for wire in rows.wires])
    if form.nests:
        rows.keep([_openings(payloads[place]) <= DATA_MAX_DEPTH for place in rows.places])
    return rows


def _decoded(form: Form, payloads: Sequence[bytes]) -> Rows:
    try:
        if max(map(len, payloads), default=0) <= EVENT_MAX_BYTES:
            return Rows(range(len(payloads)), list(map(form.decode, payloads)), [])
    except (ValueError, RecursionError, ArithmeticError, fastjsonschema.JsonSchemaValueException):
        pass  # one of them; which, is found out below
    places: list[int] = []
    wires: list[Any] = []
    decode, take = form.decode, wires.append
    for place, payload in enumerate(payloads):
        if len(payload) > EVENT_MAX_BYTES:
            continue
        try:
            take(decode(payload))
        except (ValueError, RecursionError, ArithmeticError, fastjsonschema.JsonSchemaValueException):
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


def instants(texts: Sequence[str]) -> list[int]:
    """Microseconds; far in the past for what is doubtful, which is then read by itself.

    Times such as 2010-12-01T08:26:00Z are read all at once, unless they are few.
    """
    if len(texts) <= FEW:
        return list(map(_instant, texts))
    found = calendar(texts, "iso", None) or [None] * len(texts)
    if None not in found:
        return found  # type: ignore[return-value]
    return [_instant(text) if at is None else at for text, at in zip(texts, found, strict=True)]


def _instant(text: str) -> int:
    try:
        passed = datetime.fromisoformat(text) - _EPOCH
    except (ValueError, TypeError, OverflowError):
        return _DOUBTFUL
    return (passed.days * 86_400 + passed.seconds) * SECOND + passed.microseconds
