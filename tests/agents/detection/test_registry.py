"""Creating and restoring by specification."""

import pytest

from agents.detection import (
    CountDetector,
    LevelDetector,
    SilenceDetector,
    ThresholdDetector,
    create_detector,
    restore_detector,
)
from contracts import DetectorSpec


def _spec(kind: str, **settings: object) -> DetectorSpec:
    return DetectorSpec(name="late", measure="orders", kind=kind, settings=settings)


def test_each_kind_has_its_detector() -> None:
    assert isinstance(create_detector(_spec("count")), CountDetector)
    assert isinstance(create_detector(_spec("level")), LevelDetector)
    assert isinstance(create_detector(_spec("silence")), SilenceDetector)
    assert isinstance(create_detector(_spec("threshold", above=1)), ThresholdDetector)


@pytest.mark.parametrize("kind", ["count", "level", "silence"])
def test_unknown_and_wrong_settings_name_detector_setting_and_rule(kind: str) -> None:
    with pytest.raises(ValueError, match=f"'late': settings: 'above' = 3 is unknown to kind '{kind}'; known"):
        create_detector(_spec(kind, above=3))
    with pytest.raises(ValueError, match="min_score = 1; write a number from 3 to 100"):
        create_detector(_spec(kind, min_score=1))


@pytest.mark.parametrize("kind", ["count", "level", "silence"])
def test_a_newer_snapshot_and_one_of_another_kind_are_refused(kind: str) -> None:
    snapshot = create_detector(_spec(kind)).snapshot()
    with pytest.raises(ValueError, match=r"snapshot: version = 99; .* upgrade Forestall"):
        restore_detector(_spec(kind), {**snapshot, "version": 99})
    with pytest.raises(ValueError, match="snapshot: kind = 'threshold'"):
        restore_detector(_spec(kind), create_detector(_spec("threshold", above=1)).snapshot())
