"""From the first suspicion of a shift, spike or drift until the series is back or the new level is adopted."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from contracts import Pattern

_CONFIRM = 2
"""Panes after a sudden change in which it may turn out to have been a spike."""
SUDDEN = 2
_QUIET_PANES = 4


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


def begin(starts: list[int], values: list[float], paths: list[float], panes: int, score: float) -> LevelEpisode:
    """Look back from the span of `panes` that gave the change away: when did it begin, was it a step or a slope?"""
    gaps = [value - path for value, path in zip(values, paths, strict=True)]
    pattern, first = (None, len(gaps) - panes) if panes <= SUDDEN else _shape(gaps)
    latest = gaps[max(first, len(gaps) - panes) :][-_QUIET_PANES:]
    height = sum(latest) / len(latest)
    if height * score <= 0.0:
        height = math.copysign(max(abs(gap) for gap in gaps), score)
    while pattern is None and first < len(gaps) - 1 and gaps[first] / height < 0.5:
        first += 1
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


def _shape(gaps: list[float]) -> tuple[Pattern, int]:
    """The step or the hinge that explains most of the squared displacement, and where it begins (least squares)."""
    best, pattern, first = -1.0, "shift", len(gaps) - 1
    total = weighted = 0.0  # sums of gap and of gap * (panes since the hinge) from `index` on
    for index in range(len(gaps) - 1, -1, -1):
        panes = len(gaps) - index
        total += gaps[index]
        weighted += total
        step = total * total / panes
        slope = weighted * weighted * 6.0 / (panes * (panes + 1) * (2 * panes + 1))
        if step >= best:
            best, pattern, first = step, "shift", index
        if slope > best and panes > _QUIET_PANES:
            best, pattern, first = slope, "drift", index
    return pattern, first  # type: ignore[return-value]
