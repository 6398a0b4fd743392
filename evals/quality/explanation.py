"""How often the explanation names the planted cause, and how often it names one where there is none."""

from dataclasses import dataclass

from agents.explanation import explain
from contracts import Explanation
from evals.quality.explanation_worlds import HARD, STANDARD, Kind, Tier, World, world

FOUND_AT_LEAST = 0.95
"""Worlds of the standard tier in which the best cause names exactly the planted attributes."""
FALSE_AT_MOST = 0.05
"""Worlds without a cause in which any is named."""
TIERS = (STANDARD, HARD)
KINDS: tuple[Kind, ...] = ("single", "pair", "none")


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of world at one tier. `right`: exactly the truth; `named`: some cause was named."""

    tier: str
    kind: Kind
    worlds: int
    right: int
    named: int
    wrong_seeds: tuple[int, ...]

    @property
    def rate(self) -> float:
        return self.right / self.worlds if self.worlds else 0.0

    @property
    def bound(self) -> str:
        if self.tier != STANDARD.name:
            return "none"
        return f"at most {FALSE_AT_MOST:.0%} named" if self.kind == "none" else f"at least {FOUND_AT_LEAST:.0%} right"

    @property
    def passed(self) -> bool:
        if self.tier != STANDARD.name:
            return True
        if self.kind == "none":
            return self.named <= FALSE_AT_MOST * self.worlds
        return self.worlds > 0 and self.rate >= FOUND_AT_LEAST


@dataclass(frozen=True, slots=True)
class ExplanationQuality:
    lines: tuple[Line, ...]

    @property
    def passed(self) -> bool:
        return bool(self.lines) and all(line.passed for line in self.lines)


def run(seeds: int, start: int = 0) -> ExplanationQuality:
    """Judge `seeds` worlds of every kind and tier, from seed `start` on."""
    lines = [_line(tier, kind, range(start, start + seeds)) for tier in TIERS for kind in KINDS]
    return ExplanationQuality(tuple(lines))


def render(quality: ExplanationQuality) -> str:
    """An aligned table, with what the tiers mean and the seeds that went wrong."""
    rows = [("tier", "planted", "worlds", "right", "named", "bound", "", "first seeds gone wrong")]
    for line in quality.lines:
        verdict = "-" if line.bound == "none" else "pass" if line.passed else "FAIL"
        seeds = " ".join(map(str, line.wrong_seeds[:6])) or "none"
        cells = (f"{line.worlds}", f"{line.rate:.1%}", f"{line.named / max(1, line.worlds):.1%}")
        rows.append((line.tier, line.kind, *cells, line.bound, verdict, seeds))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(["explanation", *table, *map(_meaning, TIERS)])


def right(explanation: Explanation, truth: dict[str, str]) -> bool:
    """The best cause names exactly the planted attributes; without any, no cause is named."""
    best = explanation.causes[:1]
    return {item.dimension: item.value for cause in best for item in cause.attributes} == truth


def _line(tier: Tier, kind: Kind, seeds: range) -> Line:
    judged = [(seed, *_judged(world(seed, kind, tier))) for seed in seeds]
    return Line(
        tier=tier.name,
        kind=kind,
        worlds=len(judged),
        right=sum(was_right for _, was_right, _ in judged),
        named=sum(named for _, _, named in judged),
        wrong_seeds=tuple(seed for seed, was_right, _ in judged if not was_right),
    )


def _judged(given: World) -> tuple[bool, bool]:
    explanation = explain(given.evidence)
    return right(explanation, given.truth), bool(explanation.causes)


def _meaning(tier: Tier) -> str:
    low, high = tier.cause_share
    return (
        f"{tier.name}: the cause brings {low:.0%} to {high:.0%} of the excess and at least {tier.cause_units} units; "
        f"windows of {tier.window_units[0]} to {tier.window_units[1]} units, baselines of {tier.baseline_units[0]} to "
        f"{tier.baseline_units[1]}; a planted value has {tier.value_share[0]:.1%} to {tier.value_share[1]:.0%} of it"
    )
