"""What of a batch was accepted, as columns that grow."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from contracts import Event
from ledger import DIGEST_BYTES, Records, content_digest


@dataclass(slots=True)
class Taken:
    """Accepted events as columns of equal length: places in the batch, what `Readings` holds of each, and its digest
    (8 bytes, one behind the other).

    `ignored` and `filtered` are the places of what was left out for good. `events` are whole, where they are wanted.
    """

    places: list[int] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    data: list[Any] = field(default_factory=list)
    digests: bytearray = field(default_factory=bytearray)
    events: list[Event] = field(default_factory=list)
    ignored: list[int] = field(default_factory=list)
    filtered: list[int] = field(default_factory=list)

    def add(self, place: int, event: Event, element: Any, payload: bytes, *, whole: bool) -> None:
        """An event that was read by itself, its data as an element of the column, and what it came as.

        `sort` when all are there.
        """
        self.places.append(place)
        self.ids.append(event.id)
        self.sources.append(event.source)
        self.types.append(event.type)
        self.times.append(event.time)
        self.data.append(element)
        self.digests += content_digest(payload)
        if whole:
            self.events.append(event)

    def sort(self) -> None:
        """In the order of arrival."""
        self._pick(sorted(range(len(self.places)), key=self.places.__getitem__))

    def keep(self, fits: Sequence[bool]) -> None:
        """These alone."""
        self._pick([row for row, fit in enumerate(fits) if fit])

    def _pick(self, rows: Sequence[int]) -> None:
        for name in ("places", "ids", "sources", "types", "times", "data"):
            setattr(self, name, _picked(getattr(self, name), rows))
        self.digests = bytearray(Records(bytes(self.digests), DIGEST_BYTES).only(rows).joined)
        if self.events:
            self.events = _picked(self.events, rows)


def digests_of(payloads: Sequence[bytes], places: Sequence[int]) -> bytes:
    """Of those at these places, one behind the other."""
    return b"".join(
        map(content_digest, payloads if len(places) == len(payloads) else map(payloads.__getitem__, places))
    )


def _picked(column: Sequence[Any], order: Sequence[int]) -> list[Any]:
    return [column[row] for row in order]
