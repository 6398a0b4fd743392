"""From the first suspicion of a shift, spike or drift until the series is back or the new level is adopted."""

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from contracts import Pattern

_CONFIRM = 2
"""Panes after a sudden change in which it may turn out to have been a spike."""
_SUDDEN = 2
_QUIET_PANES = 4
_STEP = 0.6
"""A shift makes at least this share of its way in one quarter of the span."""


@dataclass(slots=True)
class LevelEpisode:
    """`path` is what the model expected of the latest pane, had nothing happened; `height` the displacement from it."""

    onset: int
    path: float
    height: float
    score: float
    waiting: int
    observed: float
    expected: float
    panes: int
    pattern: Pattern | None = None
    quiet: int = 0
    quiet_sum: float = 0.0

    def follow(self, value: float, path: float) -> None:
        """One more pane: `path` is the model's own continuation."""
        self.path = path
        self.panes += 1
        displacement = value - path
        if displacement / self.height < 0.5:
            self.quiet += 1
            self.quiet_sum += displacement
        else:
            self.quiet, self.quiet_sum = 0, 0.0
        if self.pattern is None:
            self.observed += value
            self.expected += path
            self.waiting -= 1
            if self.quiet:
                self.pattern = "spike"
            elif self.waiting <= 0:
                self.pattern = "shift"

    @property
    def is_back(self) -> bool:
        """Four panes in a row on the near side of half the height, and on average within a quarter of it."""
        return self.quiet >= _QUIET_PANES and self.quiet_sum / self.quiet / self.height < 0.25

    def snapshot(self) -> dict[str, Any]:
        return asdict(self)


def begin(starts: list[int], values: list[float], paths: list[float], score: float) -> LevelEpisode:
    """Look back over the span that gave the change away: when did it begin, and was it a step or a slope?"""
    displacements = [value - path for value, path in zip(values, paths, strict=True)]
    latest = displacements[-max(1, len(displacements) // 4) :]
    height = sum(latest) / len(latest)
    if height * score <= 0.0:
        height = displacements[-1] if displacements[-1] * score > 0.0 else score * 1e-12
    pattern = None if len(values) <= _SUDDEN else _shape(displacements, height)
    first = 0
    if pattern != "drift":
        first = next((index for index, gap in enumerate(displacements) if gap / height > 0.5), len(values) - 1)
    return LevelEpisode(
        onset=starts[first],
        path=paths[-1],
        height=height,
        score=score,
        waiting=_CONFIRM,
        observed=sum(values[first:]),
        expected=sum(paths[first:]),
        panes=len(values) - first,
        pattern=pattern,
    )


def _shape(displacements: list[float], height: float) -> Pattern:
    if len(displacements) < 8:
        return "shift"
    quarter = len(displacements) // 4
    means = [0.0, *(sum(displacements[i * quarter : (i + 1) * quarter]) / quarter for i in range(4))]
    steps = [(after - before) / height for before, after in pairwise(means)]
    return "shift" if max(steps) >= _STEP else "drift"
