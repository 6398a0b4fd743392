"""Spikes and drops of counts."""

import math

import numpy as np
import pytest

from agents.detection import CountDetector, Judgement, Point
from contracts import DAY, HOUR, MINUTE
from evals.quality.detector_worlds import A_DAY, ORIGIN, PANE, Series, constant, counts, points, raised, shop


def _shop(days: int, seed: int = 1, rate: float = 5.0) -> Series:
    return counts(np.random.default_rng(seed), shop(rate)(np.arange(days * A_DAY)), 0.1)


def _judge(values: Series) -> list[Judgement]:
    detector = CountDetector.create({}, "both")
    return [detector.observe(point) for point in points(values)]


def test_a_burst_is_one_spike_with_its_onset_and_excess() -> None:
    values = _shop(10)
    begin = 9 * A_DAY + 44
    values[begin : begin + 8] *= 5
    found, _ = raised(CountDetector.create({}, "both"), points(values))
    assert [item.finding.pattern for item in found] == ["spike"]
    finding = found[0].finding
    assert abs(finding.onset - (ORIGIN + begin * PANE)) <= PANE
    assert finding.observed > 3 * finding.expected
    assert finding.score > 4.5


def test_the_state_is_anomalous_until_the_counts_are_back() -> None:
    values = _shop(10)
    begin = 9 * A_DAY + 40
    values[begin : begin + 8] *= 5
    values[begin + 4] = 0  # one lucky zero is not the end
    states = [judgement.state for judgement in _judge(values)]
    noticed = states.index("anomalous")
    assert begin <= noticed < begin + 4
    assert set(states[noticed : begin + 8]) == {"anomalous"}
    assert "normal" in states[begin + 8 : begin + 20]


def test_events_that_stop_in_opening_hours_are_a_drop() -> None:
    values = _shop(10)
    begin = 9 * A_DAY + 40
    values[begin : begin + 16] = 0
    found, _ = raised(CountDetector.create({}, "both"), points(values))
    assert [item.finding.pattern for item in found] == ["drop"]
    assert found[0].pane < begin + 8


@pytest.mark.parametrize(("direction", "expected"), [("up", 0), ("down", 1)])
def test_direction_limits_what_is_raised(direction: str, expected: int) -> None:
    values = _shop(10)
    values[9 * A_DAY + 40 : 9 * A_DAY + 56] = 0
    found, _ = raised(CountDetector.create({}, direction), points(values))  # type: ignore[arg-type]
    assert len(found) == expected


def test_the_third_day_is_usable() -> None:
    values = _shop(3)
    judgements = _judge(values)
    assert judgements[A_DAY].state == "learning"
    assert judgements[2 * A_DAY].state == "normal"
    begin = 2 * A_DAY + 48
    values[begin : begin + 8] *= 10
    found, _ = raised(CountDetector.create({}, "both"), points(values))
    assert [item.finding.pattern for item in found] == ["spike"]


def test_expected_follows_the_time_of_day() -> None:
    judgements = _judge(_shop(14))
    night, noon = judgements[13 * A_DAY + 12], judgements[13 * A_DAY + 56]
    assert night.expected < 0.3
    assert 5.0 < noon.expected < 10.0
    assert noon.spread == pytest.approx(math.sqrt(7.5 + 0.1 * 7.5**2), rel=0.5)


def test_a_persistent_level_is_adopted_and_its_episode_raised_once() -> None:
    rng = np.random.default_rng(5)
    values = np.concatenate([counts(rng, np.full(10 * A_DAY, 4.0), 0), counts(rng, np.full(6 * A_DAY, 16.0), 0)])
    detector = CountDetector.create({}, "both")
    judgements = [detector.observe(point) for point in points(values)]
    assert sum(judgement.finding is not None for judgement in judgements) == 1
    assert judgements[11 * A_DAY].state == "anomalous"
    assert judgements[12 * A_DAY + 12].state == "normal"
    assert judgements[15 * A_DAY].expected == pytest.approx(16.0, rel=0.3)


def test_an_anomaly_does_not_poison_the_baseline() -> None:
    calm, burst = _shop(12), _shop(12)
    burst[9 * A_DAY + 40 : 9 * A_DAY + 56] *= 20
    place = 11 * A_DAY + 48
    assert _judge(burst)[place].expected == pytest.approx(_judge(calm)[place].expected, rel=0.15)


def test_a_day_closed_weekly_is_known_once_weeks_were_seen() -> None:
    panes = np.arange(35 * A_DAY)
    values = counts(np.random.default_rng(3), shop(5.0, weekly=True)(panes), 0.0)
    judgements = _judge(values)
    assert not [judgement for judgement in judgements if judgement.finding]
    assert judgements[29 * A_DAY + 48].expected < 0.5  # closed
    assert judgements[31 * A_DAY + 48].expected > 4.0


def test_where_nothing_ever_happened_one_event_is_no_spike_and_nine_are() -> None:
    values = _shop(12)
    night = 11 * A_DAY + 8
    values[night] = 1
    assert not [judgement for judgement in _judge(values) if judgement.finding]
    values[night : night + 3] = 3
    assert [judgement.finding.pattern for judgement in _judge(values) if judgement.finding] == ["spike"]


@pytest.mark.parametrize("width", [MINUTE, HOUR])
def test_panes_of_a_minute_and_of_an_hour(width: int) -> None:
    panes = 10 * DAY // width
    rng = np.random.default_rng(4)
    values = rng.poisson(20.0 * width / HOUR, panes).astype(float)
    begin = panes - 3 * HOUR // width
    values[begin : begin + 2 * HOUR // width] = rng.poisson(100.0 * width / HOUR, 2 * HOUR // width)
    detector = CountDetector.create({}, "up")
    found = [
        (index, judgement.finding)
        for index, value in enumerate(values)
        if (judgement := detector.observe(Point(ORIGIN + index * width, width, float(value), int(value)))).finding
    ]
    assert len(found) == 1
    assert begin <= found[0][0] < begin + HOUR // width


def test_a_pane_without_a_value_changes_nothing() -> None:
    detector = CountDetector.create({}, "both")
    series = points(counts(np.random.default_rng(1), constant(3.0)(np.arange(400)), 0.0))
    for point in series:
        detector.observe(point)
    before = detector.snapshot()
    detector.observe(Point(series[-1].end, PANE, None, 0))
    assert detector.snapshot() == before
