"""Sums of innovations over several spans, each measured by its own robust scale."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Self

_CLIP = 12.25
"""A squared sum counts for at most that many variances (3.5 standard deviations)."""
_PRIOR_SPANS = 8
_OWN_SPANS = 4
"""A span speaks once that many of its own were seen beside the prior."""
_PRIOR_INFLATION = 1.5
_MEMORY = 2000
"""Points (e-fold) behind a scale; long spans keep at least 40 spans."""
LENGTHS = (1, 2, 4, 8, 16, 32, 64)


@dataclass(slots=True)
class InnovationSpan:
    """One span's running sum, and the variance such sums have shown."""

    length: int
    total: float = 0.0
    variance: float = 0.0
    seen: int = 0

    def learn(self, parent_variance: float) -> None:
        """Take the sum of a whole span into the variance; half the span's variance, doubled, is the prior."""
        if self.seen == 0:
            prior = parent_variance * _PRIOR_INFLATION
            self.variance, self.seen = prior, _PRIOR_SPANS if prior > 0.0 else 1
        square = self.total * self.total
        if self.variance > 0.0 and self.seen >= _PRIOR_SPANS:
            square = min(square, _CLIP * self.variance)
        self.seen = min(self.seen + 1, max(40, _MEMORY // self.length))
        self.variance += (square - self.variance) / self.seen

    def threshold(self, normal: float) -> float:
        """The normal quantile as Student's t with as many degrees of freedom as spans were seen (Fisher 1926)."""
        return normal + (normal**3 + normal) / (4.0 * self.seen)


@dataclass(slots=True)
class InnovationScan:
    """All spans. The scales are learned, not derived from the model: what the model misses widens them."""

    spans: list[InnovationSpan] = field(default_factory=lambda: [InnovationSpan(length) for length in LENGTHS])
    panes: int = 0

    def clear(self) -> None:
        self.panes = 0
        for span in self.spans:
            span.total = 0.0

    def forget(self) -> None:
        """Keep the scales only as a prior: the model has changed."""
        for span in self.spans:
            span.seen = min(span.seen, _PRIOR_SPANS)

    @property
    def spread(self) -> float:
        """One robust standard deviation of an innovation."""
        return math.sqrt(self.spans[0].variance)

    def add(self, innovations: list[float], index: int, learn: bool) -> None:
        """Take in the newest of `innovations`; `index` is the pane's number in absolute time."""
        self.panes += 1
        parent: InnovationSpan | None = None
        for span in self.spans:
            length = span.length
            span.total += innovations[-1]
            if self.panes > length:
                span.total -= innovations[-1 - length]
            known = parent is None or parent.seen >= _PRIOR_SPANS + _OWN_SPANS
            if learn and known and self.panes >= length and index % length == 0:
                span.learn(2.0 * parent.variance if parent else 0.0)
            parent = span

    def most_telling(self, normal: float, up: bool, down: bool) -> tuple[InnovationSpan, float] | None:
        """The full span that exceeds its threshold by the largest factor, with its score, if any does."""
        best, best_factor = None, 1.0
        for span in self.spans:
            if span.length > self.panes:
                break
            if span.seen < _PRIOR_SPANS + _OWN_SPANS or not (up if span.total > 0.0 else down):
                continue
            if span.total * span.total <= normal * normal * span.variance:
                continue
            score = span.total / math.sqrt(span.variance) if span.variance > 0.0 else math.copysign(100.0, span.total)
            factor = abs(score) / span.threshold(normal)
            if factor > best_factor:
                best, best_factor = (span, score), factor
        return best

    def snapshot(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def restored(cls, snapshot: dict[str, Any]) -> Self:
        return cls([InnovationSpan(**span) for span in snapshot["spans"]], snapshot["panes"])
