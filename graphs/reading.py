"""Reading a batch at once: what is plainly an event of the stream becomes columns, the rest goes through `Screen.read`.

The fast way only ever says yes, and only where `Screen.read` says yes with the same values; whatever it doubts is read
by it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, Protocol

from agents.monitoring import Fields, Readings
from agents.monitoring.readings import mapping_fields
from contracts import Event, PackManifest, StreamSpec, attribute_fault
from graphs.fast_path import EnvelopeWay
from graphs.mapped_way import MappedWay
from graphs.screening import Accepted, Incoming, Screen
from graphs.stepped_way import SteppedWay
from graphs.taken import Taken
from graphs.wire_forms import form_of
from ledger import DIGEST_BYTES, DeadLetter, Records, former_digest, former_identity, name_identities, name_prefix

MAX_SOURCES = 10_000
"""Sources whose beginnings of names are kept at hand."""


@dataclass(frozen=True, slots=True)
class Screened:
    """A batch after screening. Columns are of equal length, in the order of arrival.

    `places` are the events' places in the batch, `identities` (16 bytes) and `digests` (8) what the inbox knows them
    by. `former` has these as ledgers of version 1 do. `ignored` were of a type that the stream ignores, `filtered` left
    out by the stream's `keep`. `events` are whole, in the columns' order, where the stream publishes them
    (`processed`); else there are none.
    """

    readings: Readings
    places: Sequence[int]
    sources: list[str]
    identities: Records
    digests: Records
    former: Callable[[int], tuple[bytes, bytes, bytes]]
    dead: list[DeadLetter]
    ignored: int = 0
    filtered: int = 0
    events: list[Event] = field(default_factory=list)


class Way(Protocol):
    """A fast way through a batch."""

    def take(self, messages: Sequence[Incoming], payloads: Sequence[bytes], now: int) -> Taken:
        """What `Screen.read` surely accepts or leaves out, with the same values; the rest is read by it."""
        ...

    def element(self, data: Mapping[str, Any]) -> Any:
        """The data of an event that was read by itself, as the columns have them."""
        ...

    def fields(self) -> Fields:
        """Of the elements that were made until now."""
        ...


class BatchReader:
    """Reads the batches of one stream."""

    def __init__(self, screen: Screen, manifest: PackManifest, stream: StreamSpec) -> None:
        self._screen = screen
        self._prefixes: dict[str, str] = {}
        self._way = _way(screen, manifest, stream)
        self._whole = stream.processed is not None

    def read(self, messages: Sequence[Incoming], now: int, payloads: Sequence[bytes] | None = None) -> Screened:
        """Screen a batch. `now` is our own clock (microseconds).

        With their `payloads` given, only those messages are touched that need more than that; each payload is asked for
        once, but of what is doubtful. A mapping asks where messages came from: of the broker's own, where
        `messages.arrived` has them.
        """
        if payloads is None:
            payloads = [message.payload for message in messages]
        taken = self._way.take(messages, payloads, now) if self._way else Taken()
        dead: list[DeadLetter] = []
        if len(taken.places) + len(taken.ignored) + len(taken.filtered) < len(messages):
            dead = self._read_the_others(messages, now, taken)
        places, ids, sources = taken.places, taken.ids, taken.sources
        identities, digests = self._identities(sources, ids), Records(bytes(taken.digests), DIGEST_BYTES)
        tenant = self._screen.tenant
        fields = self._way.fields() if self._way else mapping_fields

        def former(row: int) -> tuple[bytes, bytes, bytes]:
            content = payloads[places[row]]
            return former_identity(tenant, sources[row], ids[row]), former_digest(content), digests[row]

        return Screened(
            Readings(ids, taken.types, taken.times, taken.data, identities, fields),
            places,
            sources,
            identities,
            digests,
            former,
            dead,
            len(taken.ignored),
            len(taken.filtered),
            taken.events,
        )

    def _read_the_others(self, messages: Sequence[Incoming], now: int, taken: Taken) -> list[DeadLetter]:
        done, dead = {*taken.places, *taken.ignored, *taken.filtered}, []
        for place in range(len(messages)):
            if place in done:
                continue
            message = messages[place]
            found = self._screen.read(message, now)
            if isinstance(found, Accepted):
                event = found.event
                data = self._way.element(event.data) if self._way else event.data
                taken.add(place, event, data, message.payload, whole=self._whole)
            elif isinstance(found, DeadLetter):
                dead.append(found)
            else:
                (taken.ignored if found == "ignored" else taken.filtered).append(place)
        taken.sort()
        return dead

    def _identities(self, sources: Sequence[str], ids: Sequence[str]) -> Records:
        if sources and sources.count(sources[0]) == len(sources):
            return name_identities(repeat(self._prefixes_of(sources[:1])[sources[0]]), ids)
        return name_identities(map(self._prefixes_of(sources).__getitem__, sources), ids)

    def _prefixes_of(self, sources: Iterable[str]) -> Mapping[str, str]:
        if len(self._prefixes) > MAX_SOURCES:
            self._prefixes.clear()
        for source in set(sources).difference(self._prefixes):
            self._prefixes[source] = name_prefix(self._screen.tenant, source)
        return self._prefixes


def _way(screen: Screen, manifest: PackManifest, stream: StreamSpec) -> Way | None:
    if stream.mapping is not None:
        return MappedWay(stream, screen) if MappedWay.goes(stream) else None
    if any(attribute_fault("type", each.type) for each in stream.types):
        return None
    if stream.steps:
        return SteppedWay(stream, screen)
    fields, types = heard(manifest, stream)
    return EnvelopeWay(form_of(stream.types, fields, screen.validators), types)


def heard(manifest: PackManifest, stream: StreamSpec) -> tuple[list[str], set[str]]:
    """The fields that the pack's measures and reflexes look at in the stream's events, and the types of these."""
    types = {declared.type for declared in stream.types}
    names: list[str | None] = []
    heard: set[str] = set()
    for measure in manifest.measures:
        if found := types.intersection(measure.of):
            heard |= found
            names += [measure.key, measure.unit, measure.field, *measure.dimensions]
            names += [test.field for test in measure.where]
    for reflex in manifest.reflexes:
        if found := types.intersection(reflex.of):
            heard |= found
            names += reflex.fields
    return list(dict.fromkeys(name for name in names if name is not None)), heard
