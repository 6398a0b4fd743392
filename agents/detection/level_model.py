"""An adaptively fitted model of a continuous series: mean, daily season, first-order autoregression."""

from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, Self

from contracts import DAY, MINUTE

MEMORY = 1000
"""Points (e-fold) over which the model is fitted."""
_SEASON_DAYS = 10
_RIDGE = 0.5
"""Pseudo-points of ridge: keeps the fit defined while regressors are alike."""
_REFIT = 8
_ENOUGH = 16
"""Points before the first fit."""


class Step(NamedTuple):
    """What the model makes of one value: prediction and the regressors that led to it."""

    predicted: float
    carried: float
    season: float
    season_before: float


@dataclass(slots=True)
class LevelModel:
    """y - m = phi (y' - m) + a s + b s' + e, where s is the mean deviation at this time of day and ' the pane before.

    The coefficients are exponentially weighted least squares. A random walk is phi = 1, white noise phi = 0; a series
    without season gets a = b = 0 (within error), so nothing is declared. All terms scale with the series.
    """

    width: int
    first: int
    bucket: int = 0
    points: int = 0
    mean: float = 0.0
    season: list[float] = field(default_factory=list)
    days: list[int] = field(default_factory=list)
    gram: list[float] = field(default_factory=lambda: [0.0] * 9)
    weight: float = 0.0
    seasonal: bool = False
    coefficients: list[float] = field(default_factory=lambda: [0.0] * 3)

    def __post_init__(self) -> None:
        if not self.season:
            self.bucket = max(self.width, 5 * MINUTE)
            buckets = max(1, -(-DAY // self.bucket))
            self.season, self.days = [0.0] * buckets, [0] * buckets

    def season_at(self, start: int) -> float:
        return self.season[start % DAY // self.bucket] if self.seasonal else 0.0

    def step(self, start: int, before: float) -> Step:
        """Predict the value at `start` from the value of the pane before."""
        carried = before - self.mean
        season, season_before = self.season_at(start), self.season_at(start - self.width)
        phi, now, then = self.coefficients
        return Step(self.mean + phi * carried + now * season + then * season_before, carried, season, season_before)

    def learn(self, start: int, value: float, step: Step | None, trust: float) -> None:
        """Take in a value; `trust` in [0, 1] is less for values that surprised (Huber 1964)."""
        self.points = min(self.points + 1, MEMORY)
        if step is not None:
            self._accumulate(value - self.mean, step, trust)
            if start // self.width % _REFIT == 0 and self.weight >= _ENOUGH:
                self._fit()
        if not self.seasonal and start - self.first >= DAY:
            self._know_season()
        bucket = start % DAY // self.bucket
        per_day = self.bucket // self.width or 1
        self.days[bucket] = min(self.days[bucket] + 1, _SEASON_DAYS * per_day)
        around = self.season[bucket]
        centre = self.mean if self.seasonal else 0.0
        share = trust / self.days[bucket] if self.seasonal or self.days[bucket] > 1 else 1.0
        self.season[bucket] += share * (value - centre - around)
        self.mean += trust * (value - self.mean - (around if self.seasonal else 0.0)) / self.points

    def _know_season(self) -> None:
        """After a day the raw means of the buckets become deviations, and the fit starts anew.

        From here on the season explains what the autoregression had to: what that learned was another model.
        """
        known = [raw for raw, days in zip(self.season, self.days, strict=True) if days]
        self.mean = sum(known) / len(known)
        self.season = [raw - self.mean if days else 0.0 for raw, days in zip(self.season, self.days, strict=True)]
        self.seasonal, self.gram, self.weight = True, [0.0] * 9, 0.0

    def _accumulate(self, target: float, step: Step, trust: float) -> None:
        keep = 1.0 - 1.0 / MEMORY
        _, x, s, t = step
        wx, ws, wt = trust * x, trust * s, trust * t
        xx, xs, xt, ss, st, tt, yx, ys, yt = self.gram
        self.gram = [
            xx * keep + wx * x,
            xs * keep + wx * s,
            xt * keep + wx * t,
            ss * keep + ws * s,
            st * keep + ws * t,
            tt * keep + wt * t,
            yx * keep + wx * target,
            ys * keep + ws * target,
            yt * keep + wt * target,
        ]
        self.weight = self.weight * keep + trust

    def _fit(self) -> None:
        """Solve the three normal equations (Cholesky by hand: a call to a library costs more than the sum)."""
        xx, xs, xt, ss, st, tt, yx, ys, yt = self.gram
        if xx <= 0.0:
            return
        ridge = 1.0 + _RIDGE / max(self.weight, 1.0)
        floor = 1e-9 * xx
        xx *= ridge
        ss = ss * ridge + floor
        tt = tt * ridge + floor
        b, c = xs / xx, xt / xx
        ss -= b * xs
        st -= b * xt
        tt -= c * xt
        ys -= b * yx
        yt -= c * yx
        if ss <= 0.0:
            return
        d = st / ss
        tt -= d * st
        if tt <= 0.0:
            return
        then = (yt - d * ys) / tt
        now = ys / ss - d * then
        phi = yx / xx - b * now - c * then
        self.coefficients = [min(max(phi, -0.99), 1.0), now, then]

    def snapshot(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def restored(cls, snapshot: dict[str, Any]) -> Self:
        state: dict[str, Any] = {name: list(x) if isinstance(x, list) else x for name, x in snapshot.items()}
        return cls(**state)
