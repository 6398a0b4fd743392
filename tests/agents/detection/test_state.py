"""State is data: any split, any scale."""

import json
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.detection import Judgement, Point, create_detector, restore_detector
from agents.monitoring.panes import LARGEST
from contracts import HOUR, DetectorSpec
from evals.quality.detector_worlds import A_DAY, Series, autoregressive, counts, points, raised, shop

KINDS = ("count", "level", "silence", "threshold")


def _spec(kind: str) -> DetectorSpec:
    bound = {"above": 6.0, "clear": 4.0, "for_panes": 2} if kind == "threshold" else {}
    return DetectorSpec(name="any", measure="any", kind=kind, settings=bound)


@cache
def _series(kind: str) -> list[Point]:
    rng = np.random.default_rng(6)
    if kind == "level":
        values = autoregressive(rng, 4 * A_DAY, 0.5)
        values[360:364] += 12.0
        return points(values)
    values = counts(rng, shop(4.0)(np.arange(4 * A_DAY)), 0.1)
    values[330:336] *= 15
    values[340:] = 0
    return points(values)


@cache
def _whole(kind: str) -> list[Judgement]:
    detector = create_detector(_spec(kind))
    return [detector.observe(point) for point in _series(kind)]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_restored_between_any_two_points_it_goes_on_as_if_it_had_never_stopped(kind: str, data: st.DataObject) -> None:
    series, whole = _series(kind), _whole(kind)
    assert any(judgement.finding for judgement in whole)
    splits = data.draw(st.lists(st.integers(0, len(series)), min_size=1, max_size=4).map(sorted))
    judgements, detector = [], create_detector(_spec(kind))
    for begin, end in zip([0, *splits], [*splits, len(series)], strict=True):
        detector = restore_detector(_spec(kind), json.loads(json.dumps(detector.snapshot(), allow_nan=False)))
        judgements += [detector.observe(point) for point in series[begin:end]]
    assert judgements == whole


@pytest.mark.parametrize("kind", KINDS)
def test_a_snapshot_is_a_copy_and_bounded(kind: str) -> None:
    detector = create_detector(_spec(kind))
    for point in _series(kind):
        detector.observe(point)
    taken = detector.snapshot()
    frozen = json.dumps(taken)
    for point in points(np.full(10 * A_DAY, 3.0), 4 * A_DAY):
        detector.observe(point)
    assert json.dumps(taken) == frozen
    assert len(json.dumps(detector.snapshot())) < 40_000


def _planted() -> Series:
    values = autoregressive(np.random.default_rng(8), 6 * A_DAY, 0.7)
    values[60] += 30.0  # an outlier while the first day is learned leaves no trace of the scale either
    values[400:420] += 14.0
    values[520] -= 14.0
    return values


@settings(max_examples=20, deadline=None)
@given(
    factor=st.floats(1e-6, 1e6).flatmap(lambda size: st.sampled_from([size, -size])),
    offset=st.floats(-1e3, 1e3),
)
def test_rescaling_a_level_changes_no_signal(factor: float, offset: float) -> None:
    spec = DetectorSpec(name="any", measure="any", kind="level")
    values = _planted()
    expected, _ = raised(create_detector(spec), points(values))
    got, _ = raised(create_detector(spec), points(factor * (values + offset)))
    assert len(expected) == 2
    sign = 1 if factor > 0 else -1
    for before, after in zip(expected, got, strict=True):
        assert (before.pane, before.finding.pattern, before.finding.onset) == (
            after.pane,
            after.finding.pattern,
            after.finding.onset,
        )
        assert after.finding.score == pytest.approx(sign * before.finding.score, rel=1e-4)


@pytest.mark.parametrize("kind", ["level", "threshold"])
@pytest.mark.parametrize("rare", [True, False])
def test_the_largest_numbers_that_are_counted_leave_a_state_that_can_be_restored(kind: str, rare: bool) -> None:
    """A sum over a million events of the largest number included; beyond, squares came to infinity and then to none."""
    rng = np.random.default_rng(3)
    detector = create_detector(_spec(kind))
    for index in range(600):
        value = float(rng.choice([LARGEST * 1e6, -LARGEST, 5e-324, 0.0, 1.0])) if not rare or index % 50 == 0 else 50.0
        judged = detector.observe(Point(index * HOUR, HOUR, value, 1))
        assert np.isfinite([judged.expected, judged.spread, judged.score]).all()
        if index % 20 == 0:
            detector = restore_detector(_spec(kind), json.loads(json.dumps(detector.snapshot(), allow_nan=False)))
