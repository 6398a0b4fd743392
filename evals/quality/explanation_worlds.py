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
    `value_share`; of a planted pair neither value implies the other with more than `implied` probability.
    `attempts` bounds the search for such a world.
    """

    name: str
    baseline_units: tuple[int, int]
    window_units: tuple[int, int]
    cause_share: tuple[float, float]
    cause_units: int
    value_share: tuple[float, float]
    implied: float
    attempts: int = 2_000


STANDARD = Tier("standard", (40, 3_000), (15, 400), (0.6, 0.95), 15, (0.01, 0.4), 0.5)
HARD = Tier("hard", (40, 3_000), (15, 400), (0.4, 0.6), 8, (0.005, 0.6), 0.8)


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
        """`units` rows of one value code per dimension."""
        columns = [self.random.choice(len(share), size=units, p=share) for share in shares]
        for position, tie in enumerate(self.ties):
            tied = self.random.random(units) < tie
            columns[position] = np.where(tied, self.follows[position][columns[0]], columns[position])
        return np.stack(columns, axis=1)

    def drift(self) -> list[Shares]:
        """The shares of one pane, or of one window."""
        if not self.wanders:
            return self.shares
        return [self.random.dirichlet(share * 199) for share in self.shares]

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
            found.append(rows[np.all([rows[:, position] == code for position, code in truth.items()], axis=0)])
        return np.concatenate(found)[:units]

    def tally(self, rows: Codes) -> Tally:
        """The rows counted as a pane counts them: lines of a unit are separate events."""
        tally = Tally(self.names)
        for number, row in enumerate(rows):
            attributes = dict(zip(self.names, map(str, row.tolist()), strict=True))
            tally.add(str(number), attributes)
            if self.many_lines:
                lines = int(self.random.integers(0, 8))
                for code in self.random.choice(len(self.shares[-1]), size=lines, p=self.shares[-1]).tolist():
                    tally.add(str(number), attributes | {self.names[-1]: str(code)})
        tally.close()
        return tally


def world(seed: int, kind: Kind, tier: Tier) -> World:
    """The world of a seed: the same whenever and wherever it is made."""
    random = np.random.default_rng([seed, ("single", "pair", "none").index(kind), len(tier.name)])
    population, truth = _planted(random, kind, tier)
    low, high = tier.window_units
    least = low if kind == "none" else max(low, round(tier.cause_units * 1.5))
    window = round(float(np.exp(random.uniform(np.log(least), np.log(high)))))
    excess = round(window * float(random.uniform(0.45, 0.85)))
    special = 0
    if truth:
        excess = max(excess, tier.cause_units)
        special = min(excess, max(tier.cause_units, round(excess * float(random.uniform(*tier.cause_share)))))
    rows = population.clustered(window - special)
    if truth:
        rows = np.concatenate([rows, population.matching(special, truth)])
    expected = (window - excess) * float(np.exp(random.normal(0, 0.1)))
    evidence = Evidence(
        unit="unit",
        expected_units=expected,
        window=population.tally(rows).counts(20 * DAY, 20 * DAY + 4 * HOUR, 4 * HOUR),
        baseline=_baseline(population, tier).counts(),
    )
    named = {population.names[position]: str(code) for position, code in truth.items()}
    return World(evidence, named)


def _baseline(population: Population, tier: Tier) -> BaselineTally:
    """Twenty quiet half-days; the rate is as likely low as high."""
    low, high = np.log(tier.baseline_units)
    per_pane = float(np.exp(population.random.uniform(low, high))) / 20
    baseline = BaselineTally(population.names)
    for pane in range(20):
        rows = population.clustered(max(2, int(population.random.poisson(per_pane))))
        baseline.absorb(population.tally(rows), start=pane * 12 * HOUR, duration=12 * HOUR)
    return baseline


def _planted(random: np.random.Generator, kind: Kind, tier: Tier) -> tuple[Population, dict[int, int]]:
    """A population, and a planted cause in it that meets the tier's conditions."""
    for _ in range(tier.attempts):
        population = Population(random)
        if kind == "none":
            return population, {}
        sample = population.draw(4_096, population.shares)
        chosen = random.choice(len(population.names), size=1 if kind == "single" else 2, replace=False).tolist()
        truth = {position: int(random.integers(0, len(population.shares[position]))) for position in sorted(chosen)}
        if _fits(sample, truth, tier):
            return population, truth
    raise ValueError(f"tier {tier.name!r}: no world meets its conditions in {tier.attempts} attempts; widen them")


def _fits(sample: Codes, truth: dict[int, int], tier: Tier) -> bool:
    carries = [sample[:, position] == code for position, code in truth.items()]
    least, most = tier.value_share
    if not all(least <= carried.mean() <= most for carried in carries):
        return False
    both = np.all(carries, axis=0).sum()
    return len(carries) == 1 or all(0 < both <= tier.implied * carried.sum() for carried in carries)
