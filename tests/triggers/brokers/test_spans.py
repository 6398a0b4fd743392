"""Runs of positions against the obvious model: a dictionary from position to state."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from triggers.brokers.spans import ACKED, FREE, Span, acknowledged, overlay, runs

POSITIONS = st.sets(st.integers(0, 40))
STATES = st.lists(st.sampled_from([(ACKED, 0), (FREE, 0), (FREE, 1), (1, 0), (2, 0), None]), min_size=30, max_size=30)


def freed(span: Span) -> Span:
    return span._replace(state=FREE, redeliveries=span.redeliveries + 1) if span.state == 1 else span


def spelled_out(spans: list[Span]) -> dict[int, tuple[int, int]]:
    return {at: (span.state, span.redeliveries) for span in spans for at in range(span.start, span.stop)}


@settings(deadline=None)
@given(POSITIONS)
def test_runs_cover_exactly_the_positions(positions):
    found = runs([*positions, *positions])
    assert {at for start, stop in found for at in range(start, stop)} == positions
    assert all(earlier[1] < later[0] for earlier, later in pairwise(found))


@settings(deadline=None)
@given(STATES, POSITIONS, st.sampled_from([acknowledged, freed]))
def test_overlay_changes_exactly_the_positions_and_merges(states, positions, change):
    spans = [Span(at, at + 1, *state) for at, state in enumerate(states) if state is not None]
    expected = spelled_out([change(span) if span.start in positions else span for span in spans])
    changed = overlay(spans, runs(positions), change)
    assert spelled_out(changed) == expected
    assert all(span.start < span.stop for span in changed)
    for earlier, later in pairwise(changed):
        assert earlier.stop < later.start or (earlier.stop == later.start and earlier[2:] != later[2:])
