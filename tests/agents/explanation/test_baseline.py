"""The baseline forgets slowly, stays bounded, and goes on after a restart as if it had never stopped."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.explanation import BaselineTally, Tally
from agents.explanation.baseline import HALF_LIFE, SLACK_VALUES
from contracts import DAY, HOUR

DIMENSIONS = ("warehouse", "carrier")

panes = st.lists(
    st.tuples(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), max_size=8), st.integers(1, 90)),
    max_size=12,
)


def pane(*units: tuple[str, str]) -> Tally:
    tally = Tally(DIMENSIONS)
    for number, values in enumerate(units):
        tally.add(str(number), dict(zip(DIMENSIONS, values, strict=True)))
    tally.close()
    return tally


def test_a_pane_counts_half_after_a_half_life() -> None:
    baseline = BaselineTally(DIMENSIONS)
    baseline.absorb(pane(*[("A", "X")] * 100), 0, HOUR)
    baseline.absorb(pane(), HOUR, HALF_LIFE)
    counts = baseline.counts()
    assert counts.units == 50
    assert counts.dimensions[0].counts[0].units == 50


def test_two_weeks_of_rare_units_are_remembered() -> None:
    baseline = BaselineTally(DIMENSIONS)
    for hour in range(60 * 24):
        baseline.absorb(pane(*[("A", "X")] * (hour % 4 == 0)), hour * HOUR, HOUR)
    counts = baseline.counts()
    assert counts.units == pytest.approx(6 * 14, rel=0.05)
    assert counts.duration == pytest.approx(14.2 * DAY, rel=0.05)
    assert (counts.start, counts.end) == (0, 60 * DAY)


def test_many_rare_values_stay_bounded_and_the_frequent_one_stays_known() -> None:
    baseline = BaselineTally(DIMENSIONS)
    for number in range(2_000):
        baseline.absorb(pane(("A", f"c{number}"), ("A", "X")), number * HOUR, HOUR)
    assert all(len(table["counts"]) <= SLACK_VALUES for table in baseline.snapshot()["tables"])
    counts = baseline.counts()
    assert counts.dimensions[1].counts[0].values == ("X",)
    assert counts.dimensions[1].counts[0].units == pytest.approx(counts.units / 2, abs=1)


def test_what_does_not_fit_is_refused() -> None:
    baseline = BaselineTally(DIMENSIONS)
    with pytest.raises(ValueError, match="still open"):
        baseline.absorb(Tally(DIMENSIONS), 0, HOUR)
    other = Tally(("region",))
    other.close()
    with pytest.raises(ValueError, match="does not fit"):
        baseline.absorb(other, 0, HOUR)
    with pytest.raises(ValueError, match="newer"):
        BaselineTally.restore(baseline.snapshot() | {"version": 99})


@given(panes, st.integers(0, 12))
def test_a_restart_at_any_point_changes_nothing(found: list[tuple[list[tuple[str, str]], int]], at: int) -> None:
    straight, restarted = BaselineTally(DIMENSIONS), BaselineTally(DIMENSIONS)
    for number, (units, days) in enumerate(found):
        if number == at:
            restarted = BaselineTally.restore(json.loads(json.dumps(restarted.snapshot())))
        for baseline in (straight, restarted):
            baseline.absorb(pane(*units), number * DAY, days * DAY)
    assert restarted.snapshot() == straight.snapshot()
    assert restarted.counts() == straight.counts()


@given(panes)
def test_no_value_has_more_units_than_the_baseline(found: list[tuple[list[tuple[str, str]], int]]) -> None:
    baseline = BaselineTally(DIMENSIONS)
    for number, (units, days) in enumerate(found):
        baseline.absorb(pane(*units), number * DAY, days * DAY)
    counts = baseline.counts()
    assert all(item.units <= counts.units for table in counts.dimensions for item in table.counts)
