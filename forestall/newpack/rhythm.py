"""How often events come: whether at a fixed period, how late, and what pane suits them."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median_low

from contracts import DAY, HOUR, MINUTE, SECOND

REGULAR_MIN = 20
REGULAR_SHARE = 0.9
PANES = tuple(each * MINUTE for each in (1, 5, 15, 30, 60))
WANTED = 0.3
"""Events a pane, where there are any: below it a burst has to be tenfold to be found (docs/design/detection.md)."""
LATENESS = (10 * SECOND, 30 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR)
LATE_SHARE = 0.001


def period_of(instants: Sequence[int]) -> int | None:
    """The time between two readings (microseconds) where nine in ten keep it within a tenth; else None."""
    ordered = sorted(instants)
    steps = [after - before for before, after in pairwise(ordered)]
    if len(steps) < REGULAR_MIN:
        return None
    usual = median_low(steps)
    kept = sum(abs(each - usual) * 10 <= usual for each in steps)
    return usual if usual > 0 and kept >= REGULAR_SHARE * len(steps) else None


def pane_of_readings(period: int) -> int:
    """The least multiple of the period that is a minute or more, in whole seconds."""
    seconds = max(round(period / SECOND), 1)
    return seconds * -(-60 // seconds) * SECOND


def pane_of_counts(counted: Sequence[int], every: Sequence[int]) -> int:
    """The shortest pane with enough counted events in it, over those panes in which anything happened at all."""
    for pane in PANES:
        open_panes = len({each // pane for each in every})
        if len(counted) >= WANTED * open_panes:
            return pane
    return PANES[-1]


@dataclass(frozen=True, slots=True)
class Arrival:
    """How events lie in event time as they came: `lags` behind the latest one before, in microseconds."""

    lags: Sequence[int]
    newest_first: bool

    @property
    def lateness(self) -> int:
        """What lets all but one event in a thousand be counted; an hour at most."""
        if not self.lags:
            return 0
        bound = sorted(self.lags)[min(int(len(self.lags) * (1 - LATE_SHARE)), len(self.lags) - 1)]
        return 0 if bound == 0 else LATENESS[min(bisect_left(LATENESS, bound), len(LATENESS) - 1)]

    @property
    def later_than_waited(self) -> int:
        """Events that even the longest wait leaves out."""
        return sum(each > LATENESS[-1] for each in self.lags)

    @property
    def unsorted(self) -> bool:
        """Not the order in which things happened: an export sorted by something else."""
        return self.newest_first or self.later_than_waited * 20 > len(self.lags)


def arrival_of(instants: Sequence[int]) -> Arrival:
    latest, lags, back = None, [], 0
    for before, each in zip([None, *instants], instants, strict=False):
        back += before is not None and each < before
        latest = each if latest is None else max(latest, each)
        lags.append(latest - each)
    forward = sum(after > before for before, after in pairwise(instants))
    return Arrival(lags, newest_first=back > 9 * forward and back > 1)


def in_turn(at: Sequence[int | None], partitions: Sequence[int]) -> list[int]:
    """The places of a topic's documents by the latest event time that their partition has come to.

    The order of publishing says nothing across partitions where a producer sends in batches; a live stream's combiner
    waits likewise.
    """
    come, keys = dict[int, int](), list[tuple[int, int]]()
    for each, partition in zip(at, partitions, strict=True):
        come[partition] = max(come.get(partition, each or 0), each or 0)
        keys.append((come[partition], partition))
    return sorted(range(len(keys)), key=keys.__getitem__)


def span_words(micros: int) -> str:
    """A length of time in the largest unit of which there are two, such as `39 days`."""
    for size, word in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if micros >= 2 * size:
            return f"{micros // size} {word}s"
    return f"{micros // SECOND} seconds"
