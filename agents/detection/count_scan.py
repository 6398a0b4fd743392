"""Sums over several spans of the newest panes, each with its own overdispersion."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, Self

from contracts import DAY

Pane = tuple[int, float, float, float, float, float, float]
"""start, count, usual, seasonal, typical, low, high: one pane and what was expected of it when it came."""

_MEMORY = 14 * DAY
_PRIOR = 0.25
"""Overdispersion expected of a pane of an unknown series, give or take twice as much.

Of a span of w panes it is 0.25 / sqrt(w), halfway between panes that are independent (1 / w) and panes that agree (1).
"""
_PRIOR_PRECISION = 4.0
_CLIP = 9.0
"""A squared residual counts for at most that many variances (3 standard deviations)."""


_SCREEN = 9.0
"""Spans within that many variances (3 standard deviations) need no closer look."""


class Excess(NamedTuple):
    """The most telling span: its length in panes and its signed score in standard deviations."""

    panes: int
    score: float


def deviance_root(count: float, mean: float, dispersion: float) -> float:
    """Signed root of the negative binomial deviance: nearly standard normal under the null.

    Variance is mean + dispersion * mean**2 (Hilbe 2011, eq. 8.13); the count is taken half a step towards the mean,
    so that the normal tail approximates P(X >= count) and P(X <= count) (Pierce and Schafer 1986). Units: counts.
    """
    above = count > mean
    count = count - 0.5 if above else count + 0.5
    if (count > mean) != above or mean <= 0.0:
        return 0.0
    shape = 1.0 / max(dispersion, 1e-6)
    deviance = 2.0 * (count * math.log(count / mean) - (count + shape) * math.log((count + shape) / (mean + shape)))
    return math.copysign(math.sqrt(max(deviance, 0.0)), 1.0 if above else -1.0)


@dataclass(slots=True)
class SpanSum:
    """One span's running sums and what is known of its overdispersion.

    Overdispersion is the weighted moment estimate sum(w * ((x - m)**2 - m)) / sum(w * m**2) of whole spans, so that
    correlation between panes (a busy morning, a busy day) widens the long spans and not the short ones. A block's
    weight is w = m**2 / Var((x - m)**2) (fourth central moment of the negative binomial): generalized least squares
    (Aitken 1935). So `squares`, the sum of w * m**2, is the estimate's precision, to be held against the prior's.
    """

    length: int
    count: float = 0.0
    low: float = 0.0
    high: float = 0.0
    block: int = -1
    block_panes: int = 0
    block_count: float = 0.0
    block_typical: float = 0.0
    excess: float = 0.0
    squares: float = 0.0
    dispersion: float = 0.0

    def __post_init__(self) -> None:
        if self.block < 0:
            self.dispersion = self.prior

    @property
    def prior(self) -> float:
        return _PRIOR / math.sqrt(self.length)

    def clear(self) -> None:
        self.count = self.low = self.high = 0.0

    def gather(self, index: int, panes: int, count: float, typical: float) -> bool:
        """Add normal panes, the last of them the `index`-th in absolute time, to its block; true at the block's end."""
        block = index // self.length
        if block != self.block:
            self.block, self.block_panes, self.block_count, self.block_typical = block, 0, 0.0, 0.0
        self.block_panes += panes
        self.block_count += count
        self.block_typical += typical
        return (index + 1) % self.length == 0

    def learn_block(self, days: float, width: int) -> None:
        """Take a block without gaps into the overdispersion; `days` of experience stand behind its mean."""
        mean = self.block_typical
        residual = (self.block_count - mean) ** 2
        variance = mean + self.dispersion * mean * mean
        bound = _CLIP * variance + 4.0
        error = mean * mean / (0.5 + days * mean)  # variance of the mean itself, known from `days` of counts
        keep = 1.0 - min(0.5, self.length * width / _MEMORY)
        spread = variance * (1.0 + variance * (2.0 + 6.0 * self.dispersion))
        weight = mean * mean / spread if mean > 0.0 else 0.0
        self.excess = self.excess * keep + weight * ((residual if residual < bound else bound) - mean - error)
        self.squares = self.squares * keep + weight * mean * mean
        known = _PRIOR_PRECISION * self.prior
        self.dispersion = (max(self.excess, 0.0) + known) / (self.squares + _PRIOR_PRECISION)


@dataclass(slots=True)
class Scan:
    """All spans. `panes` counts the panes since the last clearing: a span speaks once it is full."""

    spans: list[SpanSum] = field(default_factory=list)
    panes: int = 0

    def clear(self) -> None:
        self.panes = 0
        for span in self.spans:
            span.clear()

    def add(self, recent: list[Pane]) -> None:
        """Take in the newest of `recent`."""
        self.panes += 1
        _, count, _, _, _, low, high = recent[-1]
        for span in self.spans:
            span.count += count
            span.low += low
            span.high += high
            if self.panes > span.length:
                _, count_out, _, _, _, low_out, high_out = recent[-1 - span.length]
                span.count -= count_out
                span.low -= low_out
                span.high -= high_out

    def learn(self, pane: Pane, days: float, width: int) -> None:
        """Take a pane that proved normal into the overdispersions."""
        index = pane[0] // width
        panes, count, typical = 1, pane[1], pane[4]
        for span in self.spans:
            if not span.gather(index, panes, count, typical):
                return
            if span.block_panes == span.length:
                span.learn_block(days, width)
            panes, count, typical = span.block_panes, span.block_count, span.block_typical

    def most_telling(self, recent: list[Pane], days: float, pooled: float, up: bool, down: bool) -> Excess:
        """The span with the largest score, of those that a look at mean and variance does not rule out.

        What is known of the mean bounds what is surprising: it is Gamma with shape 1/2 + exposure * mean (Jeffreys),
        which makes the prediction negative binomial and asks for a few events even where none was ever seen. Exposure
        is `days` of experience of the span's own panes and of the `pooled` panes around them that speak for it.
        """
        best = Excess(1, 0.0)
        days = max(days, 1.0)
        for span in self.spans:
            if span.length > self.panes:
                break
            count = span.count
            exposure = days * (1.0 + pooled / span.length)
            if up and count > span.high + 1.0:
                mean = max(span.high, 0.0) + 0.5 / exposure
                dispersion = span.dispersion + 1.0 / (exposure * mean)
                far = False
            elif down and count < span.low - 4.0:
                mean = span.low
                dispersion = span.dispersion + 1.0 / (0.5 + exposure * mean)
                far = count < 0.5 * mean  # a score's deviations grow faster than the variance's
            else:
                continue
            if far or (count - mean) ** 2 > _SCREEN * (mean + dispersion * mean * mean):
                dispersion += self._uneven(recent, span)
                score = deviance_root(count, mean, dispersion)
                if abs(score) > abs(best.score):
                    best = Excess(span.length, score)
        return best

    def _uneven(self, recent: list[Pane], span: SpanSum) -> float:
        """Overdispersion to add where few of the span's panes carry the mean: theirs does not average out."""
        expected = [pane[6] for pane in recent[-span.length :]]
        share = sum(high * high for high in expected) / max(sum(expected) ** 2, 1e-12)
        return max(self.spans[0].dispersion * share - span.dispersion, 0.0)

    def snapshot(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def restored(cls, snapshot: dict[str, Any]) -> Self:
        return cls([SpanSum(**span) for span in snapshot["spans"]], snapshot["panes"])
