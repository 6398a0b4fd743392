"""What a count series expects of a pane: a daily profile, weekly ratios, the level of late."""

from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, Self

from contracts import DAY, HOUR, MINUTE

_DAYS = 14.0
"""Memory of the daily profile, in days (e-fold)."""
_WEEKS = 6.0
_UNSEEN_RATIO = 3.0
"""How much busier an hour of the week may be that was never seen."""
_KNOWN_DAYS = 0.9
_TRUSTED_WEEKS = 2.99
_LEVEL_PRIOR = 10.0
"""Strength of the prior that the level is as usual: that many counts (Gamma, a third of a rate either way)."""


class Expectation(NamedTuple):
    """Counts expected of one pane.

    `usual` knows the time of day, `seasonal` the hour of the week too, `typical` also the level of late. A spike has
    to rise above `high`, a drop to fall below `low`: where two answers are plausible both are normal. `pooled` is how
    many panes of the hour around speak for the time of day besides its own (not counts but panes, at most two hours').
    """

    usual: float
    seasonal: float
    typical: float
    low: float
    high: float
    pooled: float


def _shrink(own: float, towards: float, dispersion: float, exposure: float) -> float:
    """A rate drawn to another as far as the difference is explained by noise.

    The positive-part rule of James and Stein (1961) with twice the noise variance: a difference counts from 1.4
    standard errors on, so that of a hundred equal rates few are taken for special. The variance is that of the larger
    rate: one event where hardly any was expected proves nothing.
    """
    larger = own if own > towards else towards
    noise = 2.0 * larger * dispersion / exposure
    gap = (own - towards) ** 2
    return towards if gap <= noise else towards + (own - towards) * (1.0 - noise / gap)


@dataclass(slots=True)
class CountBaseline:
    """Decayed sums by time of day (UTC) and by hour of the week; nothing depends on where the series began."""

    width: int
    bucket: int = 0
    sums: list[float] = field(default_factory=list)
    panes: list[float] = field(default_factory=list)
    total: float = 0.0
    total_panes: float = 0.0
    week_sums: list[float] = field(default_factory=lambda: [0.0] * 168)
    week_expected: list[float] = field(default_factory=lambda: [0.0] * 168)
    weeks: list[float] = field(default_factory=lambda: [0.0] * 168)
    weekday_sums: list[float] = field(default_factory=lambda: [0.0] * 7)
    weekday_expected: list[float] = field(default_factory=lambda: [0.0] * 7)
    level_sum: float = 0.0
    level_expected: float = 0.0

    def __post_init__(self) -> None:
        if not self.sums:
            self.bucket = max(self.width, 15 * MINUTE)
            buckets = max(1, -(-DAY // self.bucket))
            self.sums, self.panes = [0.0] * buckets, [0.0] * buckets

    def days(self, start: int) -> float:
        """How many days of experience stand behind this time of day."""
        return self.panes[start % DAY // self.bucket] * self.width / self.bucket

    def expect(self, start: int, dispersion: float) -> Expectation:
        """The pane that begins at `start`, where the variance of a count is mean + dispersion * mean**2."""
        usual, pooled = self._time_of_day(start % DAY // self.bucket, dispersion)
        hour = start // HOUR % 168
        noise = 1.0 + dispersion * usual
        prior = _LEVEL_PRIOR * noise
        level = (self.level_sum + prior) / (self.level_expected + prior)
        weekday = hour // 24
        ratio = 1.0
        if self.weekday_expected[weekday] > 0.0:
            known = self.weekday_expected[weekday]
            ratio = _shrink(min(self.weekday_sums[weekday] / known, 7.0), 1.0, noise, known)
        if self.week_expected[hour] > 0.0:
            known = self.week_expected[hour]
            ratio = _shrink(min(self.week_sums[hour] / known, 7.0), ratio, noise, known)  # all in one hour of seven
        seen = self.weeks[hour]
        low = usual * (level if level < 1.0 else 1.0)
        high = usual * (level if level > 1.0 else 1.0)
        if seen >= _TRUSTED_WEEKS:
            return Expectation(usual, usual * ratio, usual * level * ratio, low * ratio, high * ratio, pooled)
        if seen < 0.99:
            return Expectation(usual, usual, usual * level, 0.0, high * _UNSEEN_RATIO, pooled)
        # Too few weeks to know whether this hour is special: both answers are normal.
        return Expectation(
            usual, usual * ratio, usual * level * ratio, low * min(ratio, 1.0), high * max(ratio, 1.0), pooled
        )

    def _time_of_day(self, bucket: int, dispersion: float) -> tuple[float, float]:
        """The rate of a pane, and how many panes around it stand behind that as they do behind its own."""
        if self.total_panes <= 0.0:
            return 0.0, 0.0
        overall = self.total / self.total_panes
        sums, panes = self.sums, self.panes
        reach = max(1, HOUR // self.bucket)
        first, last = bucket - reach, bucket + reach + 1
        if first >= 0 and last <= len(sums):
            near, near_panes = sum(sums[first:last]), sum(panes[first:last])
        else:
            around = [index % len(sums) for index in range(first, last)]
            near, near_panes = sum(sums[index] for index in around), sum(panes[index] for index in around)
        if near_panes <= 0.0:
            return overall, 0.0
        local = _shrink(near / near_panes, overall, 1.0 + dispersion * overall, near_panes)
        if panes[bucket] <= 0.0:
            return local, 0.0
        own = sums[bucket] / panes[bucket]
        rate = _shrink(own, local, 1.0 + dispersion * local, panes[bucket])
        alone = (rate - local) / (own - local) if rate != local else 0.0
        return rate, (1.0 - alone) * 2.0 * reach * self.bucket / self.width

    def learn(self, start: int, value: float, usual: float, seasonal: float) -> None:
        """Take in a pane that was normal; `usual` and `seasonal` as they were expected of it."""
        width = self.width
        bucket = start % DAY // self.bucket
        keep = 1.0 - width / (self.bucket * _DAYS)
        old, old_panes = self.sums[bucket], self.panes[bucket]
        self.sums[bucket] = old * keep + value
        self.panes[bucket] = old_panes * keep + 1.0
        self.total += self.sums[bucket] - old
        self.total_panes += self.panes[bucket] - old_panes
        if old_panes * width < _KNOWN_DAYS * self.bucket:
            return  # what was expected was a guess: no ratio to it means anything
        days = old_panes * width / self.bucket
        trust = days / (days + 1.0)  # what was expected errs, too: (1 + 1 / days) times the variance of the ratio
        value, usual, seasonal = trust * value, trust * usual, trust * seasonal
        hour = start // HOUR % 168
        keep = 1.0 - min(0.5, width / (HOUR * _WEEKS))
        self.week_sums[hour] = self.week_sums[hour] * keep + value
        self.week_expected[hour] = self.week_expected[hour] * keep + usual
        self.weeks[hour] = min(3.0, self.weeks[hour] + min(1.0, width / HOUR))
        keep = 1.0 - width / (DAY * _WEEKS)
        weekday = hour // 24
        self.weekday_sums[weekday] = self.weekday_sums[weekday] * keep + value
        self.weekday_expected[weekday] = self.weekday_expected[weekday] * keep + usual
        self.relevel(value, seasonal, 1.0 - width / DAY)

    def relevel(self, value: float, expected: float, keep: float) -> None:
        """Move the level: `keep` is how much of what it knew remains."""
        self.level_sum = self.level_sum * keep + value
        self.level_expected = self.level_expected * keep + expected

    def snapshot(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def restored(cls, snapshot: dict[str, Any]) -> Self:
        state: dict[str, Any] = {name: list(x) if isinstance(x, list) else x for name, x in snapshot.items()}
        return cls(**state)
