"""A fixed bound with hysteresis."""

from collections.abc import Sequence
from typing import Any

import pytest

from agents.detection import Judgement, Point, ThresholdDetector
from agents.detection.settings import Direction
from contracts import MINUTE


def _judge(values: Sequence[float | None], direction: Direction = "both", **settings: Any) -> list[Judgement]:
    detector = ThresholdDetector.create(settings, direction)
    return [detector.observe(Point(index * MINUTE, MINUTE, value, 1)) for index, value in enumerate(values)]


def _onsets(judgements: list[Judgement]) -> list[int]:
    return [judgement.finding.onset // MINUTE for judgement in judgements if judgement.finding]


def test_above_and_below() -> None:
    assert _onsets(_judge([1, 2, 9, 9, 2, 9], above=5)) == [2, 5]
    assert _onsets(_judge([9, 8, 1, 1, 8], below=5)) == [2]


def test_the_bound_itself_is_normal() -> None:
    assert _onsets(_judge([5, 5, 5], above=5)) == []


def test_hysteresis_keeps_one_episode() -> None:
    judgements = _judge([1, 9, 4, 9, 4, 2, 9], above=5, clear=3)
    assert _onsets(judgements) == [1, 6]
    assert [judgement.state for judgement in judgements[1:6]] == ["anomalous"] * 4 + ["normal"]


def test_for_panes_waits_and_names_the_first_pane() -> None:
    judgements = _judge([1, 9, 1, 9, 9, 8, 1, 9, 1, 1, 1], above=5, for_panes=3)
    assert _onsets(judgements) == [3]
    assert judgements[5].finding is not None
    assert judgements[5].finding.observed == pytest.approx(26 / 3)
    assert [judgement.state for judgement in judgements[8:]] == ["anomalous", "anomalous", "normal"]


def test_empty_panes_count_neither_way() -> None:
    assert _onsets(_judge([1, 9, None, 9], above=5, for_panes=2)) == [1]


@pytest.mark.parametrize(
    ("settings", "direction", "message"),
    [
        ({}, "both", "give exactly one"),
        ({"above": 1, "below": 0}, "both", "give exactly one"),
        ({"above": "high"}, "both", "above = 'high'; write a number"),
        ({"above": 1, "clear": 2}, "both", "clear = 2.*at most above"),
        ({"below": 1, "clear": 0}, "both", "clear = 0.*at least below"),
        ({"above": 1, "for_panes": 0}, "both", "for_panes = 0; write a number from 1"),
        ({"above": 1, "for_panes": 1.5}, "both", "for_panes = 1.5; write a whole number"),
        ({"above": 1}, "down", "direction: 'down' contradicts"),
        ({"above": 1, "hysteresis": 2}, "both", "'hysteresis' = 2 is unknown.*known: above, below, clear, for_panes"),
    ],
)
def test_wrong_settings_are_refused_with_the_rule(settings: dict[str, Any], direction: Direction, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ThresholdDetector.create(settings, direction)
