"""Everything an explanation could say: each declared value and each pair of values, with their counts."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log

from agents.explanation.contrast import Contrast
from agents.explanation.tables import Key
from contracts import DimensionCounts, Evidence

NEEDED = log(20)
"""Nats that a pair must gain over a single value: the pair makes the counts 20 times as likely."""

LEFT_OVER = 2.0
"""Nats (two standard deviations) by which a single value may still be raised outside a pair that explains it."""


class Spread:
    """The counts of one dimension or pair in the window and in the baseline.

    Tables are cut to their most frequent values. A value that is not listed has between 0 and `*_hidden` units.
    """

    def __init__(self, window: DimensionCounts, baseline: DimensionCounts) -> None:
        self.dimensions = window.dimensions
        self.window: dict[Key, int] = {count.values: count.units for count in window.counts}
        self.baseline: dict[Key, int] = {count.values: count.units for count in baseline.counts}
        self.window_hidden = min([window.other, *self.window.values()])
        self.baseline_hidden = min([baseline.other, *self.baseline.values()])
        self.window_total = sum(self.window.values()) + window.other
        self.baseline_total = sum(self.baseline.values()) + baseline.other
        self._others = window.other + baseline.other

    def tested(self, support: float) -> int:
        """Values with enough support to be tested, counting every value that may hide among the others.

        Support is over window and baseline together, so that choosing by it does not favour what grew (independent
        filtering: Bourgon, Gentleman and Huber 2010).
        """
        values = self.window.keys() | self.baseline.keys()
        listed = sum(self.window.get(key, 0) + self.baseline.get(key, 0) >= support for key in values)
        return listed + int(self._others // support)


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """These attributes, one or two, are what is different."""

    dimensions: Key
    values: Key
    contrast: Contrast

    @property
    def named(self) -> dict[str, str]:
        return dict(zip(self.dimensions, self.values, strict=True))


class Hypotheses:
    """All hypotheses of some evidence that have `support` units, in window and baseline together.

    `sign` is 1 to look for what is too many, -1 for what is missing.
    """

    def __init__(self, evidence: Evidence, sign: int, support: float) -> None:
        self.window_units = evidence.window.units
        self.baseline_units = evidence.baseline.units
        self._up = sign > 0
        baseline = {counts.dimensions: counts for counts in evidence.baseline.dimensions}
        self._spreads = {
            window.dimensions: Spread(window, baseline[window.dimensions])
            for window in evidence.window.dimensions
            if window.dimensions in baseline
        }
        self._tested = {
            size: sum(spread.tested(support) for key, spread in self._spreads.items() if len(key) == size)
            for size in (1, 2)
        }

    @property
    def tested(self) -> int:
        return sum(self._tested.values())

    def family(self, hypothesis: Hypothesis) -> int:
        """By how much to correct: half of the error goes to single values, half to pairs (weighted Bonferroni, Holm
        1979), so that many pairs do not hide a single value."""
        families = sum(tested > 0 for tested in self._tested.values())
        return families * self._tested[len(hypothesis.values)]

    def __iter__(self) -> Iterator[Hypothesis]:
        """Those that could be a cause: listed where the change would show."""
        for spread in self._spreads.values():
            for values in sorted(spread.window if self._up else spread.baseline):
                yield self._hypothesis(spread, values)

    def needed(self, pair: Hypothesis) -> bool:
        """Whether both values of a pair are needed to describe the change.

        The pair must describe both samples at least as well as either value alone; outside the pair neither value may
        still be raised; and each value must be raised among the units that carry the other one: by `NEEDED` nats after
        the log of how many partners there were to choose from (minimum description length, Rissanen 1978). A value that
        merely goes along with the cause is not raised among the cause's own units.
        """
        price = NEEDED + log(max(1.0, self._tested[2] / max(1, self._tested[1])))
        both = pair.contrast
        for name, value in pair.named.items():
            if (name,) not in self._spreads:
                return False
            single = self._hypothesis(self._spreads[(name,)], (value,)).contrast
            window, baseline = max(both.window, single.window), max(both.baseline, single.baseline)
            within = Contrast(both.window, window, both.baseline, baseline)
            rest = Contrast(
                window - both.window,
                both.window_units - both.window,
                baseline - both.baseline,
                both.baseline_units - both.baseline,
            )
            if self._raised(within) < price or self._raised(rest) > LEFT_OVER:
                return False
            if both.deviance() < single.deviance():
                return False
        return True

    def _raised(self, contrast: Contrast) -> float:
        """The deviance in the direction that is looked for, 0 in the other."""
        return contrast.deviance() if contrast.direction == (1 if self._up else -1) else 0.0

    def outside(self, hypothesis: Hypothesis, cause: Hypothesis) -> Contrast | None:
        """The hypothesis among the units that the cause does not cover; None when the counts cannot tell."""
        mine, theirs = hypothesis.named, cause.named
        clashes = [name for name in mine.keys() & theirs.keys() if mine[name] != theirs[name]]
        if any(self._exclusive(name) for name in clashes):
            joint = (0, 0)
        elif clashes or len(mine | theirs) > 2:
            return None
        else:
            joint = self._joint(mine | theirs)
        both, known = hypothesis.contrast, cause.contrast
        return Contrast(
            max(0, both.window - joint[0]),
            max(0, both.window_units - known.window),
            max(0, both.baseline - joint[1]),
            max(0, both.baseline_units - known.baseline),
        )

    def _hypothesis(self, spread: Spread, values: Key) -> Hypothesis:
        window, baseline = self._counts(spread, values, cautious=True)
        units, past = self.window_units, self.baseline_units
        return Hypothesis(spread.dimensions, values, Contrast(min(window, units), units, min(baseline, past), past))

    def _joint(self, named: dict[str, str]) -> tuple[int, int]:
        for dimensions, spread in self._spreads.items():
            if len(dimensions) == len(named) and set(dimensions) == set(named):
                return self._counts(spread, tuple(named[name] for name in dimensions), cautious=False)
        return (0, 0)

    def _counts(self, spread: Spread, values: Key, *, cautious: bool) -> tuple[int, int]:
        """Units in the window and in the baseline. What is not listed is taken against the change, or (for the part
        that is subtracted, `cautious=False`) for it: either way what remains is not overstated."""
        against = self._up == cautious
        window_hidden = 0 if against else spread.window_hidden
        baseline_hidden = spread.baseline_hidden if against else 0
        return spread.window.get(values, window_hidden), spread.baseline.get(values, baseline_hidden)

    def _exclusive(self, dimension: str) -> bool:
        """Whether a unit carries one value of the dimension at most (a baseline's counts are rounded each)."""
        spread = self._spreads.get((dimension,))
        if spread is None:
            return False
        rounding = 1 + len(spread.baseline) / 2
        return spread.window_total <= self.window_units and spread.baseline_total <= self.baseline_units + rounding
