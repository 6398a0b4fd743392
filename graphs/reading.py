"""Reading a batch at once: what is plainly an event of the stream becomes columns, the rest goes through `Screen.read`.

The fast way only ever says yes, and only where `Screen.read` says yes with the same values; whatever it doubts is read
by it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import msgspec

from agents.monitoring import Readings
from agents.monitoring.readings import mapping_fields
from contracts import Event, PackManifest, StreamSpec, attribute_fault
from graphs.fast_path import Rows, sure
from graphs.screening import Accepted, Incoming, LeftOut, Screen
from graphs.wire_forms import Form, form_of
from ledger import DeadLetter, content_digest, former_digest, former_identity, name_identities, name_prefix

MAX_SOURCES = 10_000
"""Sources whose beginnings of names are kept at hand."""


@dataclass(frozen=True, slots=True)
class Screened:
    """A batch after screening. Columns are of equal length, in the order of arrival.

    `places` are the events' places in the batch, `identities` (16 bytes) and `digests` (8) what the inbox knows them
    by. `former` has these as ledgers of version 1 do. `ignored` were of a type that the stream ignores, `filtered` left
    out by the stream's `keep`. `events` are whole, in the columns' order, where the stream maps, filters, enriches or
    publishes them; else there are none.
    """

    readings: Readings
    places: list[int]
    sources: list[str]
    identities: list[bytes]
    digests: list[bytes]
    former: Callable[[int], tuple[bytes, bytes, bytes]]
    dead: list[DeadLetter]
    ignored: int = 0
    filtered: int = 0
    events: list[Event] = field(default_factory=list)


@dataclass(slots=True)
class _Rest:
    """What was read by itself: whole events by their places, dead letters, and what was left out."""

    events: dict[int, Event] = field(default_factory=dict)
    dead: list[DeadLetter] = field(default_factory=list)
    left: dict[LeftOut, int] = field(default_factory=lambda: {"ignored": 0, "filtered": 0})


class _Read(msgspec.Struct):
    """An event that was read by itself, in the place of its envelope."""

    id: str
    source: str
    kind: str
    data: Any


class BatchReader:
    """Reads the batches of one stream."""

    def __init__(self, screen: Screen, manifest: PackManifest, stream: StreamSpec) -> None:
        self._screen = screen
        self._prefixes: dict[str, str] = {}
        self._form: Form | None = None
        if not stream.steps and all(attribute_fault("type", each.type) is None for each in stream.types):
            self._form = form_of(stream.types, wanted_fields(manifest, stream), screen.validators)

    def read(self, messages: Sequence[Incoming], now: int, payloads: Sequence[bytes] | None = None) -> Screened:
        """Screen a batch. `now` is our own clock (microseconds).

        With their `payloads` given, only those messages are touched that need more than that.
        """
        if payloads is None:
            payloads = [message.payload for message in messages]
        rows = sure(self._form, payloads, now) if self._form else Rows([], [], [])
        rest = _Rest()
        if len(rows.places) < len(messages):
            self._read_the_others(messages, now, rows, rest)
        places, wires = rows.places, rows.wires
        ids, sources = [wire.id for wire in wires], [wire.source for wire in wires]
        identities = self._identities(sources, ids)
        contents = payloads if len(places) == len(payloads) else [payloads[place] for place in places]
        digests = list(map(content_digest, contents))
        tenant = self._screen.tenant

        def former(row: int) -> tuple[bytes, bytes, bytes]:
            content = payloads[places[row]]
            return former_identity(tenant, sources[row], ids[row]), former_digest(content), digests[row]

        fields = self._form.fields() if self._form else mapping_fields
        readings = Readings(ids, [wire.kind for wire in wires], rows.times, [wire.data for wire in wires], fields)
        events = [rest.events[place] for place in places] if self._form is None else []
        left = rest.left
        return Screened(
            readings, places, sources, identities, digests, former, rest.dead, left["ignored"], left["filtered"], events
        )

    def _read_the_others(self, messages: Sequence[Incoming], now: int, rows: Rows, rest: _Rest) -> None:
        done = set(rows.places)
        for place in range(len(messages)):
            if place in done:
                continue
            found = self._screen.read(messages[place], now)
            if isinstance(found, Accepted):
                event = rest.events[place] = found.event
                data = self._form.element(event.data) if self._form else event.data
                rows.places.append(place)
                rows.wires.append(_Read(event.id, event.source, event.type, data))
                rows.times.append(event.time)
            elif isinstance(found, DeadLetter):
                rest.dead.append(found)
            else:
                rest.left[found] += 1
        rows.sort()

    def _identities(self, sources: Sequence[str], ids: Sequence[str]) -> list[bytes]:
        prefixes = self._prefixes_of(sources)
        if sources and sources.count(sources[0]) == len(sources):
            return name_identities(repeat(prefixes[sources[0]]), ids)
        return name_identities(map(prefixes.__getitem__, sources), ids)

    def _prefixes_of(self, sources: Iterable[str]) -> Mapping[str, str]:
        if len(self._prefixes) > MAX_SOURCES:
            self._prefixes.clear()
        for source in set(sources).difference(self._prefixes):
            self._prefixes[source] = name_prefix(self._screen.tenant, source)
        return self._prefixes


def wanted_fields(manifest: PackManifest, stream: StreamSpec) -> list[str]:
    """The fields that the pack's measures and reflexes look at in the stream's events."""
    types = {declared.type for declared in stream.types}
    names: list[str | None] = []
    for measure in manifest.measures:
        if types.intersection(measure.of):
            names += [measure.key, measure.unit, measure.field, *measure.dimensions]
            names += [test.field for test in measure.where]
    for reflex in manifest.reflexes:
        if types.intersection(reflex.of):
            names += reflex.fields
    return list(dict.fromkeys(name for name in names if name is not None))
