"""How good the detectors are with default settings: false signals, power, delay, invariance."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

import numpy as np

from agents.detection import Detector, Point, create_detector, restore_detector
from contracts import DetectorSpec
from evals.quality.detector_worlds import (
    A_DAY,
    Raised,
    Series,
    autoregressive,
    constant,
    counts,
    daily,
    heartbeat,
    points,
    raised,
    shop,
    tide,
)

MAX_FALSE_PER_10K = 1.0
"""False signals per 10,000 judged points, in every world in which nothing is wrong."""
MIN_POWER = 0.95
"""Share of planted changes found, in every row marked large."""
MAX_CHANGED = 0.0
"""Share of signals that may change by affine rescaling or by a restart between two points."""
MAX_CHANGED_BY_START = 0.01
"""The same for listening from 1 to 3 hours later: an onset may hang on a pane that both histories all but agree on."""

Kind = Literal["count", "level", "silence"]


@dataclass(slots=True)
class NullRow:
    kind: Kind
    world: str
    points: int = 0
    signals: int = 0

    @property
    def per_10k(self) -> float:
        return 1e4 * self.signals / max(self.points, 1)


@dataclass(slots=True)
class PowerRow:
    """`large` rows have to reach MIN_POWER; delays are in panes from the planted onset to the finding."""

    kind: Kind
    world: str
    change: str
    large: bool
    trials: int = 0
    delays: list[int] = field(default_factory=list)

    @property
    def power(self) -> float:
        return len(self.delays) / max(self.trials, 1)


@dataclass(slots=True)
class InvarianceRow:
    check: str
    bound: float
    signals: int = 0
    changed: int = 0

    @property
    def share(self) -> float:
        return self.changed / max(self.signals, 1)


@dataclass(frozen=True, slots=True)
class DetectorQuality:
    seeds: int
    nulls: list[NullRow]
    powers: list[PowerRow]
    invariances: list[InvarianceRow]

    @property
    def passed(self) -> bool:
        return not self.failures

    @property
    def failures(self) -> list[str]:
        """The rows that miss a bound, in words."""
        nulls = [
            f"{row.kind} {row.world}: {row.per_10k:.2f} false signals per 10,000 points > {MAX_FALSE_PER_10K:g}"
            for row in self.nulls
            if row.per_10k > MAX_FALSE_PER_10K
        ]
        powers = [
            f"{row.kind} {row.world} {row.change}: power {row.power:.3f} < {MIN_POWER:g}"
            for row in self.powers
            if row.large and row.power < MIN_POWER
        ]
        changed = [
            f"{row.check}: {row.changed} of {row.signals} signals changed > {row.bound:.0%}"
            for row in self.invariances
            if row.share > row.bound
        ]
        return nulls + powers + changed


_COUNT_NULLS: dict[str, tuple[Callable[..., Series], float, int]] = {
    "Poisson 0.05": (constant(0.05), 0.0, 15),
    "Poisson 2": (constant(2.0), 0.0, 15),
    "negative binomial 20, dispersion 1": (constant(20.0), 1.0, 15),
    "shop 1, closed nights": (shop(1.0), 0.0, 15),
    "shop 20, closed nights, dispersion 0.2": (shop(20.0), 0.2, 15),
    "tide 100, dispersion 0.05": (tide(100.0), 0.05, 15),
    "shop 0.5, closed nights, dispersion 0.3": (shop(0.5), 0.3, 15),
    "shop 5, closed weekly, dispersion 0.1": (shop(5.0, weekly=True), 0.1, 35),
}
_LEVEL_WORLDS: dict[str, tuple[float, float]] = {
    "white": (0.0, 0.0),
    "AR .5": (0.5, 0.0),
    "AR .9": (0.9, 0.0),
    "daily season of 5 sd": (0.0, 5.0),
    "random walk": (1.0, 0.0),
}
_BEATS = {"regular": (4.0, 60.0), "Poisson": (4.0, 1.0), "bursty": (4.0, 0.5)}
_WARM = 14 * A_DAY
_COUNT_CHANGES = {0.3: (5, 10, 15), 1.0: (3, 5, 8), 5.0: (2, 3, 5), 20.0: (2, 3, 5)}
_LARGE_COUNT = {(0.3, 15), (1.0, 8), (5.0, 5), (20.0, 2), (20.0, 3), (20.0, 5), (5.0, 0), (20.0, 0)}
_BURST, _SECOND_WEEK = 8, 8 * A_DAY + 58
_WARMED = 6 * A_DAY
"""Signals are compared from the seventh day on: in the first days an earlier start has simply seen more."""
_WATCH = 48


def _detector(kind: Kind) -> Detector:
    return create_detector(DetectorSpec(name="quality", measure="quality", kind=kind))


def _level(rng: np.random.Generator, panes: int, phi: float, amplitude: float) -> Series:
    return autoregressive(rng, panes, phi) + daily(amplitude, panes)


def _nulls(seed: int) -> Iterator[tuple[Kind, str, list[Point]]]:
    for number, (name, (rates, dispersion, days)) in enumerate(_COUNT_NULLS.items()):
        first = seed % 7 * A_DAY
        panes = np.arange(first, first + days * A_DAY)
        values = counts(np.random.default_rng([seed, 1, number]), rates(panes), dispersion)
        yield "count", name, points(values, first)
    for number, (name, (phi, amplitude)) in enumerate(_LEVEL_WORLDS.items()):
        values = _level(np.random.default_rng([seed, 2, number]), 15 * A_DAY, phi, amplitude)
        yield "level", name, points(values)
    for number, (name, (gap, shape)) in enumerate(_BEATS.items()):
        yield "silence", name, points(heartbeat(np.random.default_rng([seed, 3, number]), 20 * A_DAY, gap, shape))


def _branches(kind: Kind, world: str, warm: Series, changes: dict[tuple[str, bool], Series]) -> Iterator[PowerRow]:
    """Warm one detector up, then let each change happen to a restored copy of it."""
    detector = _detector(kind)
    raised(detector, points(warm))
    snapshot = detector.snapshot()
    spec = DetectorSpec(name="quality", measure="quality", kind=kind)
    for (change, large), values in changes.items():
        found, _ = raised(restore_detector(spec, snapshot), points(values, len(warm)))
        yield PowerRow(kind, world, change, large, 1, [found[0].pane - len(warm)] if found else [])


def _count_power(seed: int) -> Iterator[PowerRow]:
    for number, (base, factors) in enumerate(_COUNT_CHANGES.items()):
        for dispersion in (0.0, 0.2):
            rng = np.random.default_rng([seed, 4, number, int(10 * dispersion)])
            changes = {}
            for factor in factors:
                large = (base, factor) in _LARGE_COUNT and not (dispersion and factor < 5)
                changes[f"x{factor} for 2 h", large] = counts(rng, np.full(_BURST, base * factor), dispersion)
            changes["drop to 0", (base, 0) in _LARGE_COUNT] = np.zeros(_BURST * 2)
            name, warm = f"{base:g} a pane", counts(rng, np.full(_WARM, base), dispersion)
            yield from _branches("count", name + f", dispersion {dispersion:g}" * (dispersion > 0), warm, changes)
    rates = shop(0.5)(np.arange(_SECOND_WEEK + _BURST))
    rates[_SECOND_WEEK : _SECOND_WEEK + 5] *= 6
    values = counts(np.random.default_rng([seed, 8]), rates, 0.3)
    burst = {("x6 for 75 min", False): values[_SECOND_WEEK:]}
    yield from _branches("count", "second week, shop 0.5", values[:_SECOND_WEEK], burst)


def _level_power(seed: int) -> Iterator[PowerRow]:
    for number, (name, (phi, amplitude)) in enumerate(_LEVEL_WORLDS.items()):
        values = _level(np.random.default_rng([seed, 5, number]), _WARM + _WATCH, phi, amplitude)
        sigma = 1.0 / np.sqrt(1.0 - phi * phi) if phi < 1 else 1.0
        after, changes = values[_WARM:], {}
        slope = np.minimum(np.arange(_WATCH) / 24.0, 1.0)
        for size in (2, 3, 5, 8):
            changes[f"shift of {size} sd", size >= 8 or (size >= 5 and phi < 1)] = after + size * sigma
            spike = after[:4].copy()
            spike[0] += size * sigma
            changes[f"spike of {size} sd", size >= 8] = spike
            changes[f"drift to {size} sd in 6 h", size >= 8 and phi < 0.9] = after + size * sigma * slope
        yield from _branches("level", name, values[:_WARM], changes)


def _silence_power(seed: int) -> Iterator[PowerRow]:
    for number, (name, (gap, shape)) in enumerate(_BEATS.items()):
        values = heartbeat(np.random.default_rng([seed, 6, number]), _WARM, gap, shape)
        yield from _branches("silence", name, values, {("stops", True): np.zeros(3 * A_DAY)})


def _signals(kind: Kind, values: Series, first: int = 0, mirror: bool = False) -> list[tuple[int, str, bool]]:
    found, _ = raised(_detector(kind), points(values[first:], first))
    return _since_warm(found, mirror)


def _since_warm(found: list[Raised], mirror: bool = False) -> list[tuple[int, str, bool]]:
    return [
        (item.finding.onset, item.finding.pattern, (item.finding.score > 0) is not mirror)
        for item in found
        if item.pane >= _WARMED
    ]


def _restarted(kind: Kind, values: Series, rng: np.random.Generator) -> list[tuple[int, str, bool]]:
    spec = DetectorSpec(name="quality", measure="quality", kind=kind)
    series, found, place = points(values), [], 0
    snapshot = _detector(kind).snapshot()
    while place < len(series):
        step = int(rng.integers(1, 200))
        detector = restore_detector(spec, snapshot)
        batch, _ = raised(detector, series[place : place + step])
        found += batch
        snapshot, place = detector.snapshot(), place + step
    return _since_warm(found)


def _invariances(seed: int) -> Iterator[InvarianceRow]:
    rng = np.random.default_rng([seed, 7])
    level = _level(rng, 9 * A_DAY, 0.5, 3.0)
    level[7 * A_DAY : 7 * A_DAY + 12] += 8.0
    sales = counts(rng, shop(5.0)(np.arange(9 * A_DAY)), 0.1)
    sales[8 * A_DAY + 40 : 8 * A_DAY + 48] *= 6
    worlds: tuple[tuple[Kind, Series], ...] = (("level", level), ("count", sales))
    expected = {kind: _signals(kind, values) for kind, values in worlds}
    for factor, offset in ((1e-3, 7.0), (-250.0, 1e4)):
        got = _signals("level", factor * level + offset, mirror=factor < 0)
        yield _compare("level: x -> a*x + b", MAX_CHANGED, expected["level"], got)
    for kind, values in worlds:
        yield _compare(f"{kind}: restored at any point", MAX_CHANGED, expected[kind], _restarted(kind, values, rng))
        for later in (4, 8, 12):
            got = _signals(kind, values, first=later)
            yield _compare(f"{kind}: start 1, 2, 3 h later", MAX_CHANGED_BY_START, expected[kind], got)


def _compare(
    check: str, bound: float, expected: list[tuple[int, str, bool]], got: list[tuple[int, str, bool]]
) -> InvarianceRow:
    changed = max(len(set(expected) - set(got)), len(set(got) - set(expected)))
    return InvarianceRow(check, bound, len(expected), changed)


def run(seeds: int, start: int = 0) -> DetectorQuality:
    """Measure seeds `start` to `start + seeds - 1`; the rows add them up."""
    nulls: dict[tuple[str, str], NullRow] = {}
    powers: dict[tuple[str, str, str], PowerRow] = {}
    invariances: dict[str, InvarianceRow] = {}
    for seed in range(start, start + seeds):
        for kind, world, series in _nulls(seed):
            found, judged = raised(_detector(kind), series)
            null = nulls.setdefault((kind, world), NullRow(kind, world))
            null.points, null.signals = null.points + judged, null.signals + len(found)
        for source in (_count_power, _level_power, _silence_power):
            for new in source(seed):
                row = powers.setdefault(
                    (new.kind, new.world, new.change), PowerRow(new.kind, new.world, new.change, new.large)
                )
                row.trials += new.trials
                row.delays += new.delays
        for compared in _invariances(seed):
            total = invariances.setdefault(compared.check, InvarianceRow(compared.check, compared.bound))
            total.signals, total.changed = total.signals + compared.signals, total.changed + compared.changed
    return DetectorQuality(seeds, list(nulls.values()), list(powers.values()), list(invariances.values()))


def render(quality: DetectorQuality) -> str:
    """Aligned text tables, the bounds in their heads."""
    lines = [f"Detectors over {quality.seeds} seeds, default settings: {'passed' if quality.passed else 'FAILED'}"]
    lines += ["", f"False signals (at most {MAX_FALSE_PER_10K:g} per 10,000 points)"]
    lines += [
        f"  {row.kind:8}{row.world:40}{row.points:>9} points{row.signals:>5} signals{row.per_10k:>7.2f} per 10,000"
        for row in quality.nulls
    ]
    lines += ["", f"Power (at least {MIN_POWER:g} where marked *) and median delay in panes of 15 min"]
    for row in quality.powers:
        delay = f"{median(row.delays):5.1f}" if row.delays else "    -"
        mark = "*" if row.large else " "
        lines.append(f"  {row.kind:8}{row.world:24}{row.change:24}{row.power:6.3f}{mark} delay {delay}")
    lines += ["", "Invariance (share of signals that may change behind each)"]
    lines += [
        f"  {row.check:40}{row.signals:>6} signals{row.changed:>5} changed{row.bound:>6.0%}"
        for row in quality.invariances
    ]
    return "\n".join([*lines, *(f"FAILED {failure}" for failure in quality.failures)])
