"""From a detector's specification to the detector."""

from collections.abc import Mapping
from typing import Any

from agents.detection.count import CountDetector
from agents.detection.level import LevelDetector
from agents.detection.protocol import Detector
from agents.detection.silence import SilenceDetector
from agents.detection.threshold import ThresholdDetector
from contracts import DetectorSpec

_KINDS: dict[str, type[Detector]] = {
    kind.kind: kind for kind in (CountDetector, LevelDetector, SilenceDetector, ThresholdDetector)
}


def create_detector(spec: DetectorSpec) -> Detector:
    """A new detector for one series.

    Raises:
        ValueError: a setting is unknown or out of range; the message names the detector, the setting and the rule.
    """
    try:
        return _KINDS[spec.kind].create(spec.settings, spec.direction)
    except ValueError as error:
        raise ValueError(f"detectors: {spec.name!r}: {error}") from error


def restore_detector(spec: DetectorSpec, snapshot: Mapping[str, Any]) -> Detector:
    """The detector that goes on where `snapshot` was taken.

    Raises:
        ValueError: a setting is wrong, or the snapshot is of another kind or build, or of a newer version.
    """
    detector = create_detector(spec)
    try:
        detector.restore(snapshot)
    except ValueError as error:
        raise ValueError(f"detectors: {spec.name!r}: {error}") from error
    except (KeyError, TypeError) as error:
        raise ValueError(f"detectors: {spec.name!r}: snapshot: of another build ({error!r})") from error
    return detector
