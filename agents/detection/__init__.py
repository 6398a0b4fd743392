"""Detectors: one series each, online, without tuning; state is data."""

from agents.detection.count import CountDetector
from agents.detection.level import LevelDetector
from agents.detection.protocol import Detector, Finding, Judgement, Point
from agents.detection.registry import create_detector, restore_detector
from agents.detection.silence import SilenceDetector
from agents.detection.threshold import ThresholdDetector

__all__ = [
    "CountDetector",
    "Detector",
    "Finding",
    "Judgement",
    "LevelDetector",
    "Point",
    "SilenceDetector",
    "ThresholdDetector",
    "create_detector",
    "restore_detector",
]
