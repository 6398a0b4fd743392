"""A fixed bound with hysteresis."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from agents.detection.protocol import Finding, Judgement, Point
from agents.detection.settings import Direction, check_known, check_version, number

_MEMORY = 256
"""Points over which the spread of the normal values is learned."""


class ThresholdDetector:
    """Raises when the value lies beyond `above` (or `below`) for `for_panes` panes in a row (default 1).

    It is back when the value is on the good side of `clear` (default: the bound) for as many panes. Empty panes count
    neither way. `expected` is `clear`, the value from which the series counts as normal.
    """

    kind: ClassVar[str] = "threshold"
    version: ClassVar[int] = 1

    def __init__(self, bound: float, clear: float, panes: int, sign: int) -> None:
        self._bound, self._clear, self._panes, self._sign = bound, clear, panes, sign
        self._anomalous = False
        self._run = 0
        self._onset = 0
        self._sum = 0.0
        self._seen = 0
        self._mean = 0.0
        self._variance = 0.0

    @classmethod
    def create(cls, settings: Mapping[str, Any], direction: Direction) -> Self:
        check_known(cls.kind, settings, ("above", "below", "clear", "for_panes"))
        above, below = number(settings, "above"), number(settings, "below")
        if (above is None) == (below is None):
            raise ValueError(f"settings: above = {above!r}, below = {below!r}; give exactly one of them")
        sign, bound = (1, above) if above is not None else (-1, below)
        assert bound is not None
        if direction == ("down" if sign > 0 else "up"):
            name = "above" if sign > 0 else "below"
            raise ValueError(f"direction: {direction!r} contradicts the setting {name} = {bound:g}; leave it out")
        clear = number(settings, "clear")
        if clear is not None and (clear - bound) * sign > 0:
            rule = "at most above" if sign > 0 else "at least below"
            raise ValueError(f"settings: clear = {clear:g}; write a number that is {rule} ({bound:g})")
        panes = number(settings, "for_panes", 1, 10_000)
        if panes is not None and panes != int(panes):
            raise ValueError(f"settings: for_panes = {panes:g}; write a whole number")
        return cls(bound, bound if clear is None else clear, int(panes or 1), sign)

    def observe(self, point: Point) -> Judgement:
        if point.value is None:
            return self._judge(0.0)
        beyond = (point.value - self._bound) * self._sign
        finding = None
        if not self._anomalous:
            if beyond > 0:
                finding = self._count_beyond(point, beyond)
            else:
                self._run, self._sum = 0, 0.0
                self._learn(point.value)
        elif (point.value - self._clear) * self._sign < 0 or point.value == self._clear == self._bound:
            self._run += 1
            if self._run >= self._panes:
                self._anomalous, self._run, self._sum = False, 0, 0.0
        else:
            self._run = 0
        return self._judge(max(beyond, 0.0), finding)

    def _count_beyond(self, point: Point, beyond: float) -> Finding | None:
        if self._run == 0:
            self._onset = point.start
        self._run += 1
        self._sum += point.value or 0.0
        if self._run < self._panes:
            return None
        mean = self._sum / self._run
        self._anomalous, self._run, self._sum = True, 0, 0.0
        return Finding("threshold", self._onset, mean, self._clear, self._sign * self._score(beyond))

    def _learn(self, value: float) -> None:
        self._seen = min(self._seen + 1, _MEMORY)
        change = value - self._mean
        self._mean += change / self._seen
        self._variance += (change * (value - self._mean) - self._variance) / self._seen

    def _score(self, beyond: float) -> float:
        spread = math.sqrt(self._variance)
        return min(beyond / spread, 100.0) if spread > 0 else (100.0 if beyond > 0 else 0.0)

    def _judge(self, beyond: float, finding: Finding | None = None) -> Judgement:
        state = "anomalous" if self._anomalous else "normal"
        score = self._sign * self._score(beyond)
        return Judgement(self._clear, math.sqrt(self._variance), score, state, finding)  # type: ignore[arg-type]

    def snapshot(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "version": self.version,
            "anomalous": self._anomalous,
            "run": self._run,
            "onset": self._onset,
            "sum": self._sum,
            "seen": self._seen,
            "mean": self._mean,
            "variance": self._variance,
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        check_version(self.kind, snapshot, self.version)
        self._anomalous = bool(snapshot["anomalous"])
        self._run, self._onset, self._seen = int(snapshot["run"]), int(snapshot["onset"]), int(snapshot["seen"])
        self._sum, self._mean = float(snapshot["sum"]), float(snapshot["mean"])
        self._variance = float(snapshot["variance"])
