"""Seeded synthetic worlds with a known answer: a planted cause of one or two attributes, or none."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from agents.explanation import BaselineTally, Tally
from contracts import DAY, HOUR, Evidence

Kind = Literal["single", "pair", "none"]
Codes = NDArray[np.int64]
Shares = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tier:
    """How hard the worlds are. Ranges are (least, most).

    `cause_share` is the part of the excess that the cause brings, the rest of it is spread like the baseline;
    `cause_units` the least number of units it brings. A planted value has a share of the baseline within
    `value_share`. Of a planted pair neither value implies the other with more than `implied` probability, and the
    baseline is expected to hold `apart` units of each value without the other: with fewer, nobody could tell whether
    the pair is needed. `attempts` bounds the search for such a world.
    """

    name: str
    baseline_units: tuple[int, int]
    window_units: tuple[int, int]
    cause_share: tuple[float, float]
    cause_units: int
    value_share: tuple[float, float]
    implied: float
    apart: int
    attempts: int = 2_000


STANDARD = Tier("standard", (40, 3_000), (15, 400), (0.6, 0.95), 15, (0.01, 0.4), 0.5, 10)
HARD = Tier("hard", (40, 3_000), (15, 400), (0.4, 0.6), 8, (0.005, 0.6), 0.8, 3)


LINES = 8
"""Most lines of a unit."""
REMEMBERED = 0.72
"""Mean weight of a unit in a baseline of ten days: the integral of 0.5 ** (age / 10 days) over them."""


@dataclass(frozen=True, slots=True)
class World:
    """Evidence and what is true of it: `truth` is empty in a world without a cause."""

    evidence: Evidence
    truth: dict[str, str]


class Population:
    """Units with 3 to 5 attributes of 3 to 60 values, popular ones and rare ones (Zipf, exponent 0.5 to 1.4).

    Every second dimension after the first is correlated with it: with probability `tie` (0.3 to 0.8) a unit's value
    there follows from its first attribute. In half of the worlds units come in 1 to 8 lines, which differ in the last
    dimension. In half of them shares wander from pane to pane (Dirichlet, variance 0.005 * p * (1 - p)) and units come
    in small clusters alike in everything (a fifth of the units bring a twin).
    """

    def __init__(self, random: np.random.Generator) -> None:
        self.random = random
        sizes = random.integers(3, 61, size=int(random.integers(3, 6)))
        self.names = tuple(f"d{number}" for number in range(len(sizes)))
        self.shares: list[Shares] = [self._popularity(int(size)) for size in sizes]
        self.ties = [0.0] + [float(random.uniform(0.3, 0.8)) * int(random.integers(0, 2)) for _ in sizes[1:]]
        self.follows: list[Codes] = [random.integers(0, size, size=sizes[0]) for size in sizes]
        self.many_lines = bool(random.integers(0, 2))
        self.wanders = bool(random.integers(0, 2))

    def _popularity(self, size: int) -> Shares:
        weights = np.arange(1, size + 1) ** -float(self.random.uniform(0.5, 1.4))
        return np.asarray(weights / weights.sum())

    def draw(self, units: int, shares: list[Shares]) -> Codes:
        """`units` rows: a value code per dimension, then the last dimension's in further lines (-1: no such line)."""
        columns = [self.random.choice(len(share), size=units, p=share) for share in shares]
        for position, tie in enumerate(self.ties):
            tied = self.random.random(units) < tie
            columns[position] = np.where(tied, self.follows[position][columns[0]], columns[position])
        if not self.many_lines:
            return np.stack(columns, axis=1)
        further = self.random.choice(len(shares[-1]), size=(units, LINES - 1), p=shares[-1])
        lines = self.random.integers(0, LINES, size=(units, 1))
        return np.concatenate([np.stack(columns, axis=1), np.where(np.arange(LINES - 1) < lines, further, -1)], axis=1)

    def drift(self) -> list[Shares]:
        """The shares of one pane, or of one window. A share of units wanders `lines` times as much as one of lines."""
        if not self.wanders:
            return self.shares
        lines = (LINES + 1) / 2 if self.many_lines else 1
        factors = [1.0] * (len(self.shares) - 1) + [lines]
        return [self.random.dirichlet(share * 199 * by) for share, by in zip(self.shares, factors, strict=True)]

    def clustered(self, units: int) -> Codes:
        """One pane's or window's units, spread as always."""
        rows = self.draw(units, self.drift())
        if not self.wanders or units < 2:
            return rows
        twins = self.random.random(units) < 0.2
        origin = np.maximum.accumulate(np.where(twins, 0, np.arange(units)))
        return np.asarray(rows[origin])

    def matching(self, units: int, truth: dict[int, int]) -> Codes:
        """Units that carry the planted values, and are otherwise spread as units with these values are."""
        found: list[Codes] = []
        while sum(map(len, found)) < units:
            rows = self.draw(4_096, self.shares)
            found.append(rows[np.all([self.carried(rows, *planted) for planted in truth.items()], axis=0)])
        return np.concatenate(found)[:units]

    def carried(self, rows: Codes, position: int, code: int) -> NDArray[np.bool_]:
        """Which units carry a value in any of their lines."""
        own = len(self.names) - 1 if position == len(self.names) - 1 else rows.shape[1]
        return np.asarray((rows[:, position] == code) | (rows[:, own:] == code).any(axis=1))

    def tally(self, rows: Codes) -> Tally:
        """The rows counted as a pane counts them: lines of a unit are separate events."""
        tally = Tally(self.names)
        size = len(self.names)
        for number, row in enumerate(rows.tolist()):
            unit, attributes = str(number), dict(zip(self.names, map(str, row[:size]), strict=True))
            tally.add(unit, attributes)
            for code in row[size:]:
                if code >= 0:
                    tally.add(unit, attributes | {self.names[-1]: str(code)})
        tally.close()
        return tally


def world(seed: int, kind: Kind, tier: Tier) -> World:
    """The world of a seed: the same whenever and wherever it is made."""
    random = np.random.default_rng([seed, ("single", "pair", "none").index(kind), len(tier.name)])
    population, truth, units = _planted(random, kind, tier)
    smallest = 1.5 * tier.cause_units if truth else tier.window_units[0]
    window = round(_between(random, max(smallest, tier.window_units[0]), tier.window_units[1]))
    excess = round(window * float(random.uniform(0.45, 0.85)))
    special = 0
    if truth:
        excess = max(excess, tier.cause_units)
        special = min(excess, max(tier.cause_units, round(excess * float(random.uniform(*tier.cause_share)))))
    rows = population.clustered(window - special)
    if truth:
        rows = np.concatenate([rows, population.matching(special, truth)])
    evidence = Evidence(
        unit="unit",
        expected_units=(window - excess) * float(np.exp(random.normal(0, 0.1))),
        window=population.tally(rows).counts(20 * DAY, 20 * DAY + 4 * HOUR, 4 * HOUR),
        baseline=_baseline(population, units).counts(),
    )
    return World(evidence, {population.names[position]: str(code) for position, code in truth.items()})


def _between(random: np.random.Generator, low: float, high: float) -> float:
    """As likely low as high: uniform in the logarithm."""
    return float(np.exp(random.uniform(np.log(low), np.log(high))))


def _baseline(population: Population, units: float) -> BaselineTally:
    """Twenty quiet half-days; with what is forgotten on the way about `units` units remain."""
    baseline = BaselineTally(population.names)
    for pane in range(20):
        rows = population.clustered(max(2, int(population.random.poisson(units / REMEMBERED / 20))))
        baseline.absorb(population.tally(rows), start=pane * 12 * HOUR, duration=12 * HOUR)
    return baseline


def _planted(random: np.random.Generator, kind: Kind, tier: Tier) -> tuple[Population, dict[int, int], float]:
    """A population, a planted cause in it, and a size of baseline that together meet the tier's conditions."""
    for _ in range(tier.attempts):
        population, units = Population(random), _between(random, *tier.baseline_units)
        if kind == "none":
            return population, {}, units
        sample = population.draw(4_096, population.shares)
        chosen = random.choice(len(population.names), size=1 if kind == "single" else 2, replace=False).tolist()
        truth = {position: int(random.integers(0, len(population.shares[position]))) for position in sorted(chosen)}
        if _fits(population, sample, truth, tier, units):
            return population, truth, units
    raise ValueError(f"tier {tier.name!r}: no world meets its conditions in {tier.attempts} attempts; widen them")


def _fits(population: Population, sample: Codes, truth: dict[int, int], tier: Tier, baseline: float) -> bool:
    carries = [population.carried(sample, position, code) for position, code in truth.items()]
    least, most = tier.value_share
    if not all(least <= carried.mean() <= most for carried in carries):
        return False
    if len(carries) == 1:
        return True
    both = float(np.all(carries, axis=0).mean())
    return all(
        0 < both <= tier.implied * carried.mean() and baseline * (carried.mean() - both) >= tier.apart
        for carried in carries
    )
