"""Two samples and one question: is this attribute more (or less) frequent among the window's units?"""

from dataclasses import dataclass
from math import exp, inf, lgamma, log

INTRACLASS_CORRELATION = 0.01
"""How much the shares of values wander although nothing is wrong: var(share) = 0.01 * share * (1 - share), so that a
value with a fifth of the units has between 16 and 24 % of them on two quiet days out of three."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """`window` of `window_units` carry the attribute now, `baseline` of `baseline_units` did before."""

    window: int
    window_units: int
    baseline: int
    baseline_units: int

    @property
    def share(self) -> float:
        """The attribute's share of the baseline's units."""
        return self.baseline / self.baseline_units

    @property
    def surplus(self) -> float:
        """Units to take away (negative: to add) so that the attribute's share is the baseline's again.

        If `x` of the window's units come from this cause alone and the rest are spread as before, this estimates `x`.
        0 when every unit of the baseline carried the attribute: then nothing can be told.
        """
        absent = 1 - self.share
        return (self.window - self.share * self.window_units) / absent if absent > 0 else 0.0

    @property
    def direction(self) -> int:
        """1 when the window's share is above the baseline's, -1 when below, 0 when equal or unknown."""
        difference = self.window * self.baseline_units - self.baseline * self.window_units
        return (difference > 0) - (difference < 0)

    def absent(self) -> "Contrast":
        """The same samples, asked for the units that do not carry the attribute."""
        return Contrast(
            self.window_units - self.window,
            self.window_units,
            self.baseline_units - self.baseline,
            self.baseline_units,
        )

    def log_p_value(self) -> float:
        """Log of the chance that a window like this has `window` or more such units although nothing is different.

        The beta-binomial predictive distribution (Skellam 1948) of the window given the baseline, with the prior
        Beta(1, 0): on the side of caution, and Fisher's exact test where the baseline has no such unit. The baseline's
        units are worth 1 / (1 + rho * n) of independent ones (the design effect, Kish 1965), which widens the
        distribution to the wandering of `INTRACLASS_CORRELATION`.
        """
        worth = 1 / (1 + INTRACLASS_CORRELATION * self.baseline_units)
        return log_upper_tail(
            self.window,
            self.window_units,
            worth * (self.baseline + 1),
            worth * (self.baseline_units - self.baseline),
        )

    def deviance(self) -> float:
        """Nats by which "this attribute's share changed" makes both samples likelier than "nothing changed".

        The likelihood ratio of the 2x2 table (Wilks 1938), divided by the variance inflation that the wandering of
        shares gives to their difference. Of two attributes that a cause has raised, the cause itself has the
        larger one: given it, the other says nothing more (it is the sufficient statistic).
        """
        n, m = self.window_units, self.baseline_units
        if not n or not m:
            return 0.0
        share = (self.window + self.baseline) / (n + m)
        nats = _divergence(self.window, n, share) + _divergence(self.baseline, m, share)
        return nats / (1 + INTRACLASS_CORRELATION * n * m / (n + m))


def _divergence(count: int, units: int, share: float) -> float:
    return _part(count, units * share) + _part(units - count, units * (1 - share))


def _part(count: int, expected: float) -> float:
    return count * log(count / expected) if count else 0.0


def log_upper_tail(least: int, trials: int, alpha: float, beta: float) -> float:
    """Log of P(X >= least) for X beta-binomial(trials, alpha, beta); summed from `least` by the ratio of neighbours."""
    if least <= 0 or beta <= 0:
        return 0.0
    if least > trials:
        return -inf
    first = _log_beta(least + alpha, trials - least + beta) - _log_beta(alpha, beta)
    first += lgamma(trials + 1) - lgamma(least + 1) - lgamma(trials - least + 1)
    total = term = 1.0
    for count in range(least, trials):
        ratio = (trials - count) / (count + 1) * (count + alpha) / (trials - count - 1 + beta)
        term *= ratio
        total += term
        if ratio < 1 and term < 1e-12 * total * (1 - ratio):
            break
    return min(0.0, first + log(total)) if total < inf else 0.0


def _log_beta(alpha: float, beta: float) -> float:
    return lgamma(alpha) + lgamma(beta) - lgamma(alpha + beta)


def probability(log_p: float, hypotheses: int) -> float:
    """A p-value corrected for the number of hypotheses (Bonferroni)."""
    return min(1.0, exp(min(0.0, log_p + log(max(1, hypotheses)))))
