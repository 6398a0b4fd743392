"""What a batch is counted by may be older than what is closed by now, as long as that makes no difference."""

from dataclasses import replace
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from agents.monitoring import Counted, Counter, Floor, PartitionClock, Readings
from contracts import DAY, MINUTE
from tests.agents.monitoring import builders
from tests.agents.monitoring.builders import START, counts, numbers, pack

MANIFEST = pack(counts(), numbers("sum", lateness=90_000_000))
COUNTER = Counter(MANIFEST, MANIFEST.streams[0])
MINUTES = st.integers(-5, 45_000) | st.integers(-5, 12)


def floor(watermark: int | None, *closed: int) -> Floor:
    """`watermark` and ends of the last panes that are closed, in minutes."""
    ends = {measure.name: START + end * MINUTE for measure, end in zip(MANIFEST.measures, closed, strict=False)}
    return Floor(START + watermark * MINUTE if watermark is not None else None, ends)


def counted(minutes: list[int], clock: PartitionClock, by: Floor) -> Counted:
    events = [builders.event(60 * minute, number) for number, minute in enumerate(minutes)]
    return COUNTER.count(Readings.of(events), clock, by, {})


def told(found: Counted) -> list[Any]:
    parts = {key: {name: pane.snapshot() for name, pane in panes.items()} for key, panes in found.parts.items()}
    return [parts, found.clock, found.refused, found.late, found.new_keys, found.keys_refused]


@given(
    minutes=st.lists(MINUTES, min_size=1, max_size=20),
    latest=st.none() | st.integers(0, 10),
    gaps=st.booleans(),
    before=st.none() | st.integers(0, 8),
    moves=st.integers(0, 6),
    closed=st.lists(st.integers(0, 9), min_size=2, max_size=2),
)
def test_a_floor_that_counts_alike(
    minutes: list[int], latest: int | None, gaps: bool, before: int | None, moves: int, closed: list[int]
) -> None:
    earlier = floor(before, *(end // 2 for end in closed))
    later = floor((before or 0) + moves, *closed)
    clock = PartitionClock()
    if latest is not None:
        clock = PartitionClock(START, START, START + latest * MINUTE)
        clock = replace(clock, gaps=((START - 90 * DAY, START - 40 * DAY),)) if gaps else clock
    alike = earlier.counts_alike(later, clock)
    by_earlier, by_later = counted(minutes, clock, earlier), counted(minutes, clock, later)
    same = told(by_earlier) == told(by_later)
    event(f"alike: {alike}, same: {same}")
    assert not alike or same or by_earlier.below(later.closed_until)


def test_one_that_does_not() -> None:
    """The control: the watermark has passed the partition's own events, and what comes now is late by it alone."""
    clock = PartitionClock(START, START, START)
    earlier, later = floor(None), floor(5)
    assert not earlier.counts_alike(later, clock)
    assert (counted([1], clock, earlier).late, counted([1], clock, later).late) == (0, 2)
    assert not counted([1], clock, earlier).below(later.closed_until)
