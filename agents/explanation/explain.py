"""Explanation: which attribute, or which two together, the window's excess (or shortfall) comes from."""

from dataclasses import dataclass

from agents.explanation.contrast import Contrast, probability
from agents.explanation.hypotheses import Hypotheses, Hypothesis
from contracts import Attribute, Cause, Evidence, Explanation

SIGNIFICANCE = 0.02
"""Chance, over all hypotheses of an incident, to name a cause where there is none. The margin to the 5 % that is
promised is for shares that wander more than contrast.INTRACLASS_CORRELATION."""
MIN_SHARE = 1 / 3
"""Part of the excess that must come from a cause alone: less, and most of the trouble would outlive its repair."""
MIN_SUPPORT = 5
"""Units that a cause must bring, and that an excess must have to be explained."""
MIN_UNITS = 10
"""Units in the window (for a shortfall: expected) below which nothing is said."""
MIN_BASELINE = 20
"""Units of baseline below which nothing is said."""
MAX_CAUSES = 3
"""As many as can each bring a third of the excess."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """A hypothesis that passed: how well it describes the change, and its corrected p-value."""

    hypothesis: Hypothesis
    deviance: float
    p_value: float


def explain(evidence: Evidence) -> Explanation:
    """What is different about the units in the window. Pure: equal evidence gives an equal explanation.

    A cause is significant (beta-binomial test, corrected for all hypotheses), brings at least `MIN_SHARE` of the excess
    beyond what its share of the baseline would, and at least `MIN_SUPPORT` units; a pair only if both of its values are
    needed. Among those that pass, the best description comes first; another one is named only if it also passes among
    the units that the better ones do not cover, so what merely goes along with a cause is dropped. With fewer units
    than expected, the same is asked of the units that are missing.
    """
    excess = evidence.window.units - evidence.expected_units
    if lacking := _lacking(evidence, excess):
        return Explanation(
            verdict="insufficient", excess=_rounded(excess), tested=0, summary=f"insufficient: {lacking}"
        )
    # An attribute that brings `_needed` units of an excess has as many: what is rarer need not be corrected for.
    support = _needed(excess) if excess > 0 else MIN_SUPPORT
    hypotheses = Hypotheses(evidence, 1 if excess > 0 else -1, support)
    standing = []
    for hypothesis in hypotheses:
        p_value = _judge(hypothesis.contrast, excess, hypotheses.family(hypothesis))
        if p_value is not None and (len(hypothesis.values) == 1 or hypotheses.needed(hypothesis)):
            standing.append(_Standing(hypothesis, hypothesis.contrast.deviance(), p_value))
    standing.sort(key=_best_first)
    named = _independent(standing, hypotheses, excess)
    causes = tuple(_cause(item, evidence, excess) for item in named)
    return Explanation(
        verdict="attributed" if causes else "broad",
        excess=_rounded(excess),
        tested=hypotheses.tested,
        causes=causes,
        summary=_summary(causes, excess),
    )


def _lacking(evidence: Evidence, excess: float) -> str | None:
    units, expected, baseline = evidence.window.units, evidence.expected_units, evidence.baseline.units
    if max(units, expected) < MIN_UNITS:
        return f"{units} units in the window, {expected:.3g} expected; {MIN_UNITS} are needed"
    if baseline < MIN_BASELINE:
        return f"{baseline} units of baseline; {MIN_BASELINE} are needed"
    if abs(excess) < MIN_SUPPORT:
        return f"{units} units in the window are about the {expected:.3g} expected"
    return None


def _best_first(item: _Standing) -> tuple[float, int, tuple[str, ...], tuple[str, ...]]:
    hypothesis = item.hypothesis
    return (-round(item.deviance, 6), len(hypothesis.values), hypothesis.dimensions, hypothesis.values)


def _needed(excess: float) -> float:
    """Units that a cause must bring."""
    return max(MIN_SUPPORT, MIN_SHARE * abs(excess))


def _judge(contrast: Contrast, excess: float, tested: int) -> float | None:
    """The corrected p-value if the contrast stands as a cause of the excess, else None."""
    if min(contrast.window_units, contrast.baseline_units) <= 0:
        return None
    surplus = contrast.surplus if excess > 0 else -contrast.surplus
    if surplus < _needed(excess):
        return None
    p_value = probability((contrast if excess > 0 else contrast.absent()).log_p_value(), tested)
    return p_value if p_value <= SIGNIFICANCE else None


def _independent(standing: list[_Standing], hypotheses: Hypotheses, excess: float) -> list[_Standing]:
    """The best, and those that also stand among the units which the ones before do not cover."""
    named: list[_Standing] = []
    for item in standing:
        rests = (hypotheses.outside(item.hypothesis, better.hypothesis) for better in named)
        family = hypotheses.family(item.hypothesis)
        if all(rest is not None and _judge(rest, excess, family) is not None for rest in rests):
            named.append(item)
        if len(named) == MAX_CAUSES:
            break
    return named


def _cause(item: _Standing, evidence: Evidence, excess: float) -> Cause:
    contrast = item.hypothesis.contrast
    expected = contrast.share * evidence.expected_units
    share = (contrast.window - expected) / excess
    return Cause(
        attributes=tuple(Attribute(dimension=name, value=value) for name, value in item.hypothesis.named.items()),
        window_units=contrast.window,
        expected_units=_rounded(expected),
        excess_share=_rounded(min(1.0, max(0.0, share))),
        lift=_rounded((contrast.window + 0.5) / (expected + 0.5)),
        p_value=_rounded(item.p_value),
    )


def _summary(causes: tuple[Cause, ...], excess: float) -> str:
    what = "excess" if excess > 0 else "shortfall"
    if not causes:
        return f"broad: no declared attribute explains the {what} of {abs(excess):.0f} units"
    return "; ".join(_sentence(cause, what) for cause in causes)


def _sentence(cause: Cause, what: str) -> str:
    who = " and ".join(f"{attribute.dimension} = {attribute.value}" for attribute in cause.attributes)
    verb = "explains" if len(cause.attributes) == 1 else "together explain"
    return f"{who} {verb} {cause.excess_share:.0%} of the {what}".replace("%", " %")


def _rounded(number: float) -> float:
    """Six significant digits: what a digest may depend on."""
    return float(f"{number:.6g}")
