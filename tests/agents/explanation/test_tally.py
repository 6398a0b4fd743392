"""A tally gives the same counts in any order, in any number of parts, and after any restart."""

import json
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.explanation import Tally
from agents.explanation.tally import CLOSED_VALUES, VALUES

DIMENSIONS = ("warehouse", "carrier", "article")
Event = tuple[str, dict[str, str]]

attributes = st.fixed_dictionaries({}, optional={name: st.sampled_from(["", "a", "b", "c"]) for name in DIMENSIONS})
events = st.lists(st.tuples(st.integers(0, 15).map(str), attributes), max_size=40)
bounds = st.sampled_from([3, 8, 1_000])


def tally(found: Iterable[Event], bound: int = 1_000) -> Tally:
    result = Tally(DIMENSIONS, bound)
    for unit, values in found:
        result.add(unit, values)
    return result


def listed(found: Tally, *dimensions: str) -> dict[tuple[str, ...], int]:
    counts = found.counts(0, 1, 1).dimensions
    return {item.values: item.units for table in counts if table.dimensions == dimensions for item in table.counts}


def test_a_unit_of_many_lines_counts_once_and_once_per_value() -> None:
    invoice = tally([("C1", {"warehouse": "A", "article": "x"}), ("C1", {"warehouse": "A", "article": "y"})])
    assert invoice.units == 1
    assert listed(invoice, "warehouse") == {("A",): 1}
    assert listed(invoice, "article") == {("x",): 1, ("y",): 1}
    assert listed(invoice, "warehouse", "article") == {("A", "x"): 1, ("A", "y"): 1}


def test_add_says_whether_the_unit_is_new() -> None:
    found = Tally(DIMENSIONS)
    assert [found.add(unit, {"warehouse": warehouse}) for unit, warehouse in ("1A", "1B", "2A")] == [True, False, True]


def test_a_pair_needs_both_values_on_one_event() -> None:
    split = tally([("1", {"warehouse": "A"}), ("1", {"carrier": "X"})])
    assert listed(split, "warehouse", "carrier") == {}
    assert listed(split, "carrier") == {("X",): 1}


def test_missing_and_empty_attributes_are_not_counted() -> None:
    found = tally([("1", {}), ("2", {"warehouse": ""})])
    assert found.units == 2
    assert listed(found, "warehouse") == {}


def test_ties_at_the_cap_go_to_the_value_that_sorts_first() -> None:
    values = [f"v{number:03}" for number in range(VALUES + 10)]
    found = tally((value, {"warehouse": value}) for value in reversed(values))
    table = found.counts(0, 1, 1).dimensions[0]
    assert [item.values[0] for item in table.counts] == values[:VALUES]
    assert table.other == 10


def test_closing_bounds_what_is_kept() -> None:
    found = tally(((str(number), {"warehouse": f"w{number}", "carrier": f"c{number}"}) for number in range(900)), 5_000)
    found.close()
    assert all(len(table.counts) <= CLOSED_VALUES for table in found.tables())
    assert sum(found.tables()[0].counts.values()) + found.tables()[0].other == 900


def test_an_overlong_value_is_counted_with_the_others() -> None:
    table = tally([("1", {"warehouse": "x" * 5_000})]).counts(0, 1, 1).dimensions[0]
    assert (table.counts, table.other) == ((), 1)


def test_beyond_the_bound_units_are_sampled_and_counts_stay_near() -> None:
    found = tally(((f"order-{number}", {"warehouse": "AB"[number % 4 == 0]}) for number in range(20_000)), 1_000)
    assert len(found.snapshot()["lines"]) <= 1_000
    assert found.units == pytest.approx(20_000, rel=0.15)
    assert listed(found, "warehouse")[("B",)] == pytest.approx(5_000, rel=0.25)


def test_what_does_not_fit_is_refused() -> None:
    closed = tally([])
    closed.close()
    with pytest.raises(ValueError, match="closed; add to an open one"):
        closed.add("1", {})
    with pytest.raises(ValueError, match="one tally is open and one closed"):
        closed.merge(tally([]))
    with pytest.raises(ValueError, match="cannot be merged"):
        closed.merge(Tally(("region",)))
    with pytest.raises(ValueError, match="newer"):
        Tally.restore(closed.snapshot() | {"version": 99})


@given(events, st.randoms(use_true_random=False), bounds)
def test_the_order_of_events_does_not_matter(found: list[Event], random: object, bound: int) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = tally(found, bound), tally(shuffled, bound)
    assert one.snapshot() == other.snapshot()
    one.close()
    other.close()
    assert one.snapshot() == other.snapshot()


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 15).map(str), attributes), max_size=40), bounds)
def test_four_partitions_merged_are_one_tally(found: list[tuple[int, str, dict[str, str]]], bound: int) -> None:
    whole = tally(((unit, values) for _, unit, values in found), bound)
    merged = Tally(DIMENSIONS, bound)
    for partition in (2, 0, 3, 1):
        merged.merge(tally(((unit, values) for part, unit, values in found if part == partition), bound))
    assert merged.snapshot() == whole.snapshot()


@given(st.lists(events, min_size=3, max_size=3), st.booleans())
def test_merge_is_associative_and_commutative(panes: list[list[Event]], closed: bool) -> None:
    def made(number: int) -> Tally:
        result = tally(panes[number])
        if closed:
            result.close()
        return result

    left, inner, right = made(0), made(1), made(2)
    left.merge(made(1))
    left.merge(made(2))
    inner.merge(made(2))
    first = made(0)
    first.merge(inner)
    right.merge(made(1))
    right.merge(made(0))
    assert left.snapshot() == first.snapshot() == right.snapshot()


@given(events, st.integers(0, 40), bounds)
def test_a_restart_at_any_point_changes_nothing(found: list[Event], at: int, bound: int) -> None:
    straight = tally(found, bound)
    restarted = Tally.restore(json.loads(json.dumps(tally(found[:at], bound).snapshot())))
    for unit, values in found[at:]:
        restarted.add(unit, values)
    assert restarted.snapshot() == straight.snapshot()
    straight.close()
    assert Tally.restore(json.loads(json.dumps(straight.snapshot()))).snapshot() == straight.snapshot()


@given(events)
def test_no_value_has_more_units_than_the_pane(found: list[Event]) -> None:
    counts = tally(found).counts(0, 10, 10)
    assert counts.units == len({unit for unit, _ in found})
    assert all(item.units <= counts.units for table in counts.dimensions for item in table.counts)
