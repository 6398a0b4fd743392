"""What is named as a cause, what is not, and how sure one can be."""

import random
from collections.abc import Iterable, Sequence
from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from agents.explanation import Tally, explain
from agents.explanation.contrast import Contrast, log_upper_tail
from contracts import Evidence, WindowCounts, canonical

DIMENSIONS = ("warehouse", "carrier")
Unit = tuple[str, str]


def counts(units: Iterable[Sequence[str]], dimensions: tuple[str, ...] = DIMENSIONS) -> WindowCounts:
    tally = Tally(dimensions)
    for number, values in enumerate(units):
        tally.add(str(number), dict(zip(dimensions, values, strict=True)))
    return tally.counts(0, 100, 100)


def evidence(window: list[Unit], baseline: list[Unit], expected: float) -> Evidence:
    return Evidence(unit="order", expected_units=expected, window=counts(window), baseline=counts(baseline))


def normal(units: int, seed: int = 1) -> list[Unit]:
    draw = random.Random(seed)
    return [(draw.choice("AABC"), draw.choice("XYZ")) for _ in range(units)]


def named(found: Evidence) -> list[dict[str, str]]:
    return [{item.dimension: item.value for item in cause.attributes} for cause in explain(found).causes]


def test_a_single_cause_is_named_and_its_pairs_are_not() -> None:
    draw = random.Random(7)
    found = evidence(normal(20, 2) + [("B", draw.choice("XYZ")) for _ in range(40)], normal(400), 20)
    assert named(found) == [{"warehouse": "B"}]
    explanation = explain(found)
    assert explanation.value_of("warehouse") == "B"
    assert explanation.causes[0].excess_share > 0.9
    assert explanation.causes[0].lift > 3
    assert explanation.summary == "warehouse = B explains 98 % of the excess"


def test_a_cause_of_two_attributes_is_named_as_the_pair() -> None:
    found = evidence(normal(20, 2) + [("B", "X")] * 40, normal(400), 20)
    assert named(found) == [{"warehouse": "B", "carrier": "X"}]
    assert explain(found).summary.startswith("warehouse = B and carrier = X together explain ")


def test_a_value_never_seen_before_is_found() -> None:
    found = evidence(normal(20, 2) + [("NEW", carrier) for carrier in "XYZ" * 8], normal(60), 20)
    assert named(found) == [{"warehouse": "NEW"}]


def test_what_goes_along_with_the_cause_is_dropped() -> None:
    """Warehouse B ships nearly everything with carrier X, and little else goes with X."""
    draw = random.Random(3)

    def unit(warehouse: str) -> Unit:
        return warehouse, "X" if draw.random() < (0.9 if warehouse == "B" else 0.1) else draw.choice("YZ")

    baseline = [unit(draw.choice("AAABCD")) for _ in range(600)]
    window = [unit(draw.choice("AAABCD")) for _ in range(30)] + [unit("B") for _ in range(60)]
    assert named(evidence(window, baseline, 30)) == [{"warehouse": "B"}]


def test_two_independent_causes_are_both_named() -> None:
    draw = random.Random(4)
    baseline = [(draw.choice("AAAAAABCDE"), draw.choice("XYZ")) for _ in range(400)]
    window = baseline[:20] + [(warehouse, draw.choice("XYZ")) for warehouse in "BC" * 40]
    assert sorted(cause["warehouse"] for cause in named(evidence(window, baseline, 20))) == ["B", "C"]


def test_a_proportional_excess_is_broad() -> None:
    explanation = explain(evidence(normal(90, 5), normal(400), 30))
    assert explanation.verdict == "broad"
    assert explanation.summary == "broad: no declared attribute explains the excess of 60 units"
    assert explanation.tested > 0


def test_a_shortfall_is_explained_by_what_is_missing() -> None:
    window = [unit for unit in normal(120, 6) if unit[0] != "A"]
    explanation = explain(evidence(window, normal(400), 120))
    assert explanation.value_of("warehouse") == "A"
    assert explanation.excess < 0
    assert explanation.causes[0].lift < 0.1
    assert explanation.summary.endswith("of the shortfall")


def test_a_missing_pair_is_named_as_the_pair() -> None:
    window = [unit for unit in normal(400, 6) if unit != ("A", "X")]
    assert named(evidence(window, normal(1_000), 400)) == [{"warehouse": "A", "carrier": "X"}]


@pytest.mark.parametrize(
    ("window", "baseline", "expected", "says"),
    [
        (4, 400, 1.0, "4 units in the window, 1 expected; 10 are needed"),
        (40, 12, 10.0, "12 units of baseline; 20 are needed"),
        (40, 400, 38.0, "40 units in the window are about the 38 expected"),
    ],
)
def test_too_little_to_judge_is_said(window: int, baseline: int, expected: float, says: str) -> None:
    explanation = explain(evidence(normal(window, 2), normal(baseline), expected))
    assert explanation.verdict == "insufficient"
    assert says in explanation.summary
    assert not explanation.causes


def test_values_cut_from_the_baseline_are_not_taken_for_new() -> None:
    """A hundred articles sell alike, the baseline lists 64: the others were not absent, only not listed."""
    articles = [f"a{number:03}" for number in range(100)]
    baseline = counts([(article,) for article in articles * 30], ("article",))
    window = counts([(article,) for article in [*articles[64:74] * 4, *articles[:20]]], ("article",))
    found = Evidence(unit="order", expected_units=30, window=window, baseline=baseline)
    assert explain(found).verdict == "broad"


@given(st.integers(0, 60), st.integers(1, 60), st.floats(0.05, 50), st.floats(0.05, 50))
def test_the_tail_is_that_of_scipy(least: int, trials: int, alpha: float, beta: float) -> None:
    expected = stats.betabinom.sf(least - 1, trials, alpha, beta)
    assert pytest.approx(expected, rel=1e-6, abs=1e-12) == 2.718281828459045 ** log_upper_tail(
        least, trials, alpha, beta
    )


def test_without_wandering_and_an_empty_baseline_it_is_fishers_test() -> None:
    _, fisher = stats.fisher_exact([[5, 10], [0, 40]], alternative="greater")
    assert exp(log_upper_tail(5, 15, 1, 40)) == pytest.approx(fisher)


def test_surplus_recovers_the_planted_units() -> None:
    assert Contrast(window=50, window_units=80, baseline=100, baseline_units=400).surplus == pytest.approx(40)


units = st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("XYZ")), max_size=60)


@given(units, units, st.floats(0, 200, allow_nan=False))
def test_numbers_stay_in_their_ranges_and_nothing_depends_on_order(
    window: list[Unit], baseline: list[Unit], expected: float
) -> None:
    found = explain(evidence(window, baseline, expected))
    again = explain(evidence(window[::-1], baseline[::-1], expected))
    assert canonical(found.to_json()) == canonical(again.to_json())
    assert (found.verdict == "attributed") == bool(found.causes)
    for cause in found.causes:
        assert 0 <= cause.p_value <= 0.05
        assert 0 <= cause.excess_share <= 1
        assert (cause.lift > 1) == (found.excess > 0)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 400), st.integers(0, 400))
def test_a_p_value_is_a_probability(more: int, rest: int, past: int, others: int) -> None:
    contrast = Contrast(more, more + rest, past, past + others)
    if contrast.window_units and contrast.baseline_units:
        assert contrast.log_p_value() <= 0
        assert contrast.absent().log_p_value() <= 0
        assert contrast.deviance() >= -1e-9
