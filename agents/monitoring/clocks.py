"""How far a stream has come in event time: a clock a partition, and what all of them together say. Microseconds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from contracts import DAY

MAX_JUMP = 30 * DAY
"""An event this far ahead of the stream is taken for a wrong clock and does not move the watermark, unless our own
clock agrees with it, or enough events in a row before it (`timing.CONFIRMATIONS`): then the stream was silent for so
long, and goes on."""
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Ahead:
    """Refused events in a row that lie too far ahead and agree: the first one's time, and who they are.

    `identities` in hexadecimal digits; a document of an earlier version may hold bare ids.
    """

    time: int
    identities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PartitionClock:
    """One partition's event time.

    `latest` is its watermark: the latest event time seen in it. `first` is its first event's time, `since` the same, or
    that of the first event behind the last silence of more than `MAX_JUMP`: earlier panes are not counted any more.
    `gaps` are such silences that the combiner has not passed yet. `position` is the last message's place in the log and
    `published` the latest time at which a message was published that was taken. `ahead` may confirm the next event.
    """

    first: int | None = None
    since: int | None = None
    latest: int | None = None
    gaps: tuple[Span, ...] = ()
    position: int = -1
    published: int = 0
    ahead: Ahead | None = None

    def to_doc(self) -> dict[str, Any]:
        return {
            "first": self.first,
            "since": self.since,
            "latest": self.latest,
            "gaps": [list(gap) for gap in self.gaps],
            "position": str(self.position),  # beyond 64 bits on a Pulsar that has seen many ledgers
            "published": self.published,
            "ahead": [self.ahead.time, list(self.ahead.identities)] if self.ahead is not None else None,
        }

    @classmethod
    def from_doc(cls, doc: Mapping[str, Any]) -> Self:
        gaps = tuple((gap[0], gap[1]) for gap in doc.get("gaps", ()))
        position, published = int(doc.get("position", -1)), doc.get("published", 0)
        ahead = Ahead(found[0], tuple(found[1])) if (found := doc.get("ahead")) is not None else None
        return cls(doc.get("first"), doc.get("since"), doc.get("latest"), gaps, position, published, ahead)


@dataclass(frozen=True, slots=True)
class Floor:
    """What the stream's combiner has closed: its watermark, and for each measure the end of its last pane.

    `others` is the latest event time of the other partitions, by which a partition's very first event is judged, and
    `others_first` their earliest first one: another may be behind a gap that this one is still before.
    """

    watermark: int | None = None
    closed_until: Mapping[str, int] = field(default_factory=dict)
    others: int | None = None
    others_first: int | None = None

    def counts_alike(self, later: "Floor", clock: PartitionClock) -> bool:
        """Whether a batch that comes behind `clock` is counted the same by a later floor, but for what lies in panes
        that were closed meanwhile (`Counted.below` tells)."""
        if clock.latest is None or clock.gaps:
            return self == later
        return later.watermark is None or later.watermark <= clock.latest


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
