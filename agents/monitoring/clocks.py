"""How far a stream has come in event time: a clock a partition, and what all of them together say. Microseconds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from contracts import DAY

MAX_JUMP = 30 * DAY
"""An event this far ahead of the stream is taken for a wrong clock and does not move the watermark, unless our own
clock agrees with it: then the stream was silent for so long, and goes on."""
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PartitionClock:
    """One partition's event time.

    `latest` is its watermark: the latest event time seen in it. `first` is its first event's time, `since` the same, or
    that of the first event behind the last silence of more than `MAX_JUMP`: earlier panes are not counted any more.
    `gaps` are such silences that the combiner has not passed yet. `position` is the last message's place in the log and
    `published` the latest time at which a message was published that was taken.
    """

    first: int | None = None
    since: int | None = None
    latest: int | None = None
    gaps: tuple[Span, ...] = ()
    position: int = -1
    published: int = 0

    def to_doc(self) -> dict[str, Any]:
        return {
            "first": self.first,
            "since": self.since,
            "latest": self.latest,
            "gaps": [list(gap) for gap in self.gaps],
            "position": str(self.position),  # beyond 64 bits on a Pulsar that has seen many ledgers
            "published": self.published,
        }

    @classmethod
    def from_doc(cls, doc: Mapping[str, Any]) -> Self:
        gaps = tuple((gap[0], gap[1]) for gap in doc.get("gaps", ()))
        position, published = int(doc.get("position", -1)), doc.get("published", 0)
        return cls(doc.get("first"), doc.get("since"), doc.get("latest"), gaps, position, published)


@dataclass(frozen=True, slots=True)
class Progress:
    """A partition as the combiner sees it. `ended`: read to its end, so that it holds nobody back."""

    clock: PartitionClock
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a stream has come: its first event, its watermark (None: nothing can be said yet), its long silences."""

    first: int | None
    watermark: int | None
    gaps: tuple[Span, ...] = ()


def reach_of(partitions: Sequence[Progress]) -> Reach:
    """The minimum watermark over the partitions that go on; the latest of all once every one of them has ended."""
    clocks = [each.clock for each in partitions]
    latest = [clock.latest for clock in clocks if clock.latest is not None]
    going_on = [each.clock.latest for each in partitions if not each.ended]
    if not latest or None in going_on:
        return Reach(None, None)
    watermark = min((each for each in going_on if each is not None), default=max(latest))
    first = min(clock.first for clock in clocks if clock.first is not None)
    return Reach(first, watermark, _silences(clocks))


def _silences(clocks: Iterable[PartitionClock]) -> tuple[Span, ...]:
    """Spans of more than `MAX_JUMP` in which no partition had an event, and behind which one has."""
    began, ever = -(1 << 62), 1 << 62
    common: list[Span] = [(began, ever)]
    for clock in clocks:
        if clock.first is None or clock.latest is None:
            continue
        own = [(began, clock.first), *clock.gaps, (clock.latest, ever)]
        common = [(max(a, c), min(b, d)) for a, b in common for c, d in own if min(b, d) - max(a, c) > MAX_JUMP]
    return tuple(sorted(span for span in common if span[0] != began and span[1] != ever))
