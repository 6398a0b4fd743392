"""Shifts, spikes and drifts of continuous series."""

import numpy as np
import pytest

from agents.detection import LevelDetector, Point
from evals.quality.detector_worlds import A_DAY, ORIGIN, PANE, Raised, Series, autoregressive, daily, points, raised

WARM = 10 * A_DAY


def _series(phi: float = 0.5, season: float = 0.0, seed: int = 2) -> Series:
    panes = WARM + 2 * A_DAY
    return autoregressive(np.random.default_rng(seed), panes, phi) + daily(season, panes)


def _raise(values: Series, direction: str = "both") -> list[Raised]:
    return raised(LevelDetector.create({}, direction), points(values))[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9, 1.0])
def test_a_step_is_a_shift_with_its_onset(phi: float) -> None:
    values = _series(phi)
    values[WARM:] += 20.0
    found = _raise(values)
    assert [(item.finding.pattern, item.finding.onset) for item in found] == [("shift", ORIGIN + WARM * PANE)]
    assert found[0].finding.observed - found[0].finding.expected == pytest.approx(20.0, abs=5.0)


@pytest.mark.parametrize("season", [0.0, 5.0])
def test_one_value_out_of_line_is_a_spike(season: float) -> None:
    values = _series(season=season)
    values[WARM] -= 15.0
    found = _raise(values)
    assert [(item.finding.pattern, item.finding.onset) for item in found] == [("spike", ORIGIN + WARM * PANE)]
    assert found[0].finding.score < 0


def test_a_slope_is_a_drift() -> None:
    values = _series(0.0)
    values[WARM:] += np.minimum(np.arange(2 * A_DAY) / 8.0, 12.0)
    found = _raise(values)
    assert found[0].finding.pattern == "drift"
    assert found[0].pane < WARM + 40


def test_a_season_is_expected() -> None:
    values = _series(0.0, season=20.0)
    detector = LevelDetector.create({}, "both")
    judgements = [detector.observe(point) for point in points(values)]
    assert not [judgement for judgement in judgements if judgement.finding]
    errors = values[WARM:] - np.array([judgement.expected for judgement in judgements[WARM:]])
    assert errors.std() < 1.5
    assert judgements[-1].spread == pytest.approx(1.0, rel=0.5)


def test_a_shift_ends_when_the_series_is_back_or_the_level_is_adopted() -> None:
    back, stays = _series(0.0), _series(0.0)
    back[WARM : WARM + 20] += 10.0
    stays[WARM:] += 10.0
    states = {}
    for name, values in (("back", back), ("stays", stays)):
        detector = LevelDetector.create({}, "both")
        states[name] = [detector.observe(point) for point in points(values)][WARM:]
    assert {judgement.state for judgement in states["back"][3:20]} == {"anomalous"}
    assert {judgement.state for judgement in states["back"][26:]} == {"normal"}
    assert states["stays"][60].state == "anomalous"
    assert states["stays"][60].expected == pytest.approx(0.0, abs=1.0)  # what it would be, had nothing happened
    assert states["stays"][120].state == "normal"
    assert states["stays"][150].expected == pytest.approx(10.0, abs=2.0)


@pytest.mark.parametrize(("direction", "expected"), [("up", 1), ("down", 0)])
def test_direction_limits_what_is_raised(direction: str, expected: int) -> None:
    values = _series()
    values[WARM:] += 15.0
    assert len(_raise(values, direction)) == expected


def test_a_random_walk_whose_first_innovation_is_tiny_raises_nothing() -> None:
    values = autoregressive(np.random.default_rng([87, 2, 4]), 15 * A_DAY, 1.0)
    assert _raise(values) == []


def test_empty_panes_say_nothing() -> None:
    values = _series()
    values[WARM : WARM + 30 : 3] = np.nan
    detector = LevelDetector.create({}, "both")
    for index, value in enumerate(values):
        empty = bool(np.isnan(value))
        judgement = detector.observe(
            Point(ORIGIN + index * PANE, PANE, None if empty else float(value), 0 if empty else 1)
        )
        assert judgement.finding is None
        assert judgement.expected == judgement.expected


def test_a_constant_that_moves_is_noticed() -> None:
    values = np.full(WARM + 20, 21.5)
    values[WARM:] = 22.0
    assert [item.finding.pattern for item in _raise(values)] == ["shift"]
