"""Series that stop."""

import numpy as np
import pytest

from agents.detection import Point, SilenceDetector
from evals.quality.detector_worlds import A_DAY, ORIGIN, PANE, Series, heartbeat, points, raised, shop

DAYS = 10


def _stops(values: Series, at: int, panes: int = 2 * A_DAY) -> list[tuple[int, int]]:
    values = np.concatenate([values[:at], np.zeros(panes)])
    found, _ = raised(SilenceDetector.create({}, "both"), points(values))
    return [(item.pane - at, (item.finding.onset - ORIGIN) // PANE) for item in found]


def test_a_heartbeat_in_every_pane_is_missed_after_four() -> None:
    found = _stops(np.ones(DAYS * A_DAY), DAYS * A_DAY)
    assert found == [(3, DAYS * A_DAY)]


@pytest.mark.parametrize(("shape", "longest"), [(60.0, 20), (1.0, 90), (0.5, 150)])
def test_irregular_series_are_given_more_time(shape: float, longest: int) -> None:
    values = heartbeat(np.random.default_rng(1), DAYS * A_DAY, 4.0, shape)
    found = _stops(values, DAYS * A_DAY)
    assert len(found) == 1
    assert found[0][0] <= longest


def test_closed_nights_are_no_silence_and_a_missing_morning_is() -> None:
    values = np.random.default_rng(2).poisson(shop(5.0)(np.arange(DAYS * A_DAY))).astype(float)
    found, _ = raised(SilenceDetector.create({}, "both"), points(values))
    assert not found
    missing = _stops(values, (DAYS - 1) * A_DAY)
    assert missing[0][0] < 32 + 10  # opens at pane 32 of the day


def test_continuous_series_are_silent_when_their_value_is_missing() -> None:
    detector = SilenceDetector.create({}, "down")
    judgements = [
        detector.observe(Point(ORIGIN + index * PANE, PANE, 0.0 if index < 300 else None, int(index < 300)))
        for index in range(310)
    ]
    assert [index for index, judgement in enumerate(judgements) if judgement.finding] == [304]
    assert judgements[-1].state == "anomalous"
    assert detector.observe(Point(ORIGIN + 310 * PANE, PANE, 0.0, 1)).state == "normal"


def test_up_is_refused() -> None:
    with pytest.raises(ValueError, match="'up' makes no sense for kind 'silence'"):
        SilenceDetector.create({}, "up")
