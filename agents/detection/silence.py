"""A series that stopped although its own rhythm says that there should be events."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from agents.detection.protocol import Finding, Judgement, Point
from agents.detection.settings import Direction, check_known, check_version, look_threshold, number
from contracts import DAY, HOUR

_LEARNING_GAPS = 20
_MEMORY_GAPS = 500
_MEMORY_VISITS_DAYS = 14.0
_MARGIN = 1.5
"""A gap has to exceed the longest one remembered by that factor."""


class SilenceDetector:
    """Measures the time without events in *expected arrivals*: each empty pane weighs as often as its hour is filled.

    A closed night therefore weighs nothing. The gaps' distribution is learned and taken as Gamma, whose tail follows
    from the Wilson-Hilferty (1931) cube root; regular series are missed after two or three beats, irregular ones later.
    Setting `min_score` replaces the derived bound (standard deviations on the cube-root scale).
    """

    kind: ClassVar[str] = "silence"
    version: ClassVar[int] = 1

    def __init__(self, min_score: float | None = None) -> None:
        self._threshold = min_score or look_threshold(1)
        self._filled = [0.0] * 24
        self._visits = [0.0] * 24
        self._week_filled = [0.0] * 168
        self._week_visits = [0.0] * 168
        self._gaps = 0
        self._mean = 1.0
        self._square = 0.0
        self._longest = 0.0
        self._gap = 0.0
        self._empty_since = -1
        self._first = -1
        self._anomalous = False

    @classmethod
    def create(cls, settings: Mapping[str, Any], direction: Direction) -> Self:
        check_known(cls.kind, settings, ("min_score",))
        if direction == "up":
            raise ValueError("direction: 'up' makes no sense for kind 'silence'; write down or leave it out")
        return cls(number(settings, "min_score", 3.0, 100.0))

    def observe(self, point: Point) -> Judgement:
        if self._first < 0:
            self._first = point.start
        empty = point.value is None or (point.value == 0 and point.samples == 0)
        chance = self._chance(point.start)
        self._gap += chance
        score = self._score()
        finding = None
        learning = self._gaps < _LEARNING_GAPS or point.start - self._first < DAY
        if not empty:
            self._end_gap()
            score = 0.0
        else:
            if self._empty_since < 0:
                self._empty_since = point.start
            if not (learning or self._anomalous) and score > self._threshold and self._gap > _MARGIN * self._longest:
                self._anomalous = True
                finding = Finding("silence", self._empty_since, 0.0, self._gap, -score)
        if not self._anomalous:
            self._learn_rhythm(point, empty)
        state = "anomalous" if self._anomalous else "learning" if learning else "normal"
        spread = math.sqrt(chance * (1.0 - chance))
        return Judgement(chance, spread, -score, state, finding)  # type: ignore[arg-type]

    def _chance(self, start: int) -> float:
        """Chance that a pane at this hour holds an event: by hour of the day, or of the week if that is lower."""
        week = start // HOUR % 168
        hour = week % 24
        chance = (self._filled[hour] + 0.5) / (self._visits[hour] + 1.0) if self._visits[hour] else 1.0
        visits = self._week_visits[week]
        if visits > 0.0:
            chance = min(chance, (self._week_filled[week] + chance) / (visits + 1.0))
        return chance

    def _score(self) -> float:
        """Standard deviations of the current gap on the cube-root scale."""
        variance = max(self._square - self._mean**2, self._mean**2 / 12.0, 1e-9)
        shape = self._mean**2 / variance
        return 3.0 * math.sqrt(shape) * (math.cbrt(self._gap / self._mean) - 1.0 + 1.0 / (9.0 * shape))

    def _end_gap(self) -> None:
        gap = self._gap
        if self._anomalous:
            # The episode itself is no rhythm; that such gaps exist is remembered in part.
            gap = min(gap, 2.0 * max(self._longest, self._mean))
        self._gaps = min(self._gaps + 1, _MEMORY_GAPS)
        self._mean += (gap - self._mean) / self._gaps
        self._square += (gap * gap - self._square) / self._gaps
        self._longest = max(gap, self._longest * (1.0 - 1.0 / _MEMORY_GAPS))
        self._gap, self._empty_since, self._anomalous = 0.0, -1, False

    def _learn_rhythm(self, point: Point, empty: bool) -> None:
        week = point.start // HOUR % 168
        keep = 1.0 - min(0.5, point.width / (HOUR * _MEMORY_VISITS_DAYS))
        for filled, visits, index in (
            (self._filled, self._visits, week % 24),
            (self._week_filled, self._week_visits, week),
        ):
            filled[index] = filled[index] * keep + (not empty)
            visits[index] = visits[index] * keep + 1.0

    def snapshot(self) -> dict[str, Any]:
        state = {name[1:]: value for name, value in vars(self).items() if name != "_threshold"}
        copied = {name: list(value) if isinstance(value, list) else value for name, value in state.items()}
        return {"kind": self.kind, "version": self.version, **copied}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        check_version(self.kind, snapshot, self.version)
        for name, value in snapshot.items():
            if name not in ("kind", "version"):
                setattr(self, f"_{name}", list(value) if isinstance(value, list) else value)
