"""Seeded synthetic series for the detectors: what nothing is wrong with, and what something was planted in."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.detection import Detector, Finding, Judgement, Point
from contracts import DAY, MINUTE

Series = NDArray[np.float64]

PANE = 15 * MINUTE
A_DAY = DAY // PANE
ORIGIN = 20_000 * DAY
"""4 October 2024, 00:00 UTC."""


@dataclass(frozen=True, slots=True)
class Raised:
    """A finding and the number of the pane that gave it away."""

    pane: int
    finding: Finding


def points(values: Series, first: int = 0) -> list[Point]:
    """Panes of 15 minutes; the first is the `first`-th after ORIGIN. A value above 0 came from one event."""
    return [
        Point(ORIGIN + (first + index) * PANE, PANE, float(value), int(value > 0)) for index, value in enumerate(values)
    ]


def raised(detector: Detector, series: list[Point]) -> tuple[list[Raised], int]:
    """What the detector raises, and how many points it judged (learning is no judgement)."""
    found, judged = [], 0
    for point in series:
        judgement: Judgement = detector.observe(point)
        judged += judgement.state != "learning"
        if judgement.finding:
            found.append(Raised((point.start - ORIGIN) // PANE, judgement.finding))
    return found, judged


def constant(rate: float) -> Callable[[NDArray[np.int64]], Series]:
    return lambda panes: np.full(len(panes), rate)


def shop(rate: float, weekly: bool = False) -> Callable[[NDArray[np.int64]], Series]:
    """Open 8 to 20 with a busy noon; with `weekly` closed one day a week and quieter on the next."""

    def rates(panes: NDArray[np.int64]) -> Series:
        hour = panes % A_DAY / 4.0
        day = panes // A_DAY % 7
        open_now = (hour >= 8) & (hour < 20)
        usual = rate * open_now * (1.0 + 0.5 * np.sin(np.pi * (hour - 8) / 12))
        return usual * np.where(day == 1, 0.0, np.where(day == 2, 0.5, 1.0)) if weekly else usual

    return rates


def tide(rate: float) -> Callable[[NDArray[np.int64]], Series]:
    """Never closed, nine times as busy at the peak as at the trough."""
    return lambda panes: rate * (1.0 + 0.8 * np.sin(2 * np.pi * panes / A_DAY))


def counts(rng: np.random.Generator, rates: Series, dispersion: float) -> Series:
    """Negative binomial counts with variance mean + dispersion * mean**2; Poisson where dispersion is 0."""
    if dispersion:
        rates = rates * rng.gamma(1.0 / dispersion, dispersion, len(rates))
    return rng.poisson(rates).astype(np.float64)


def autoregressive(rng: np.random.Generator, panes: int, phi: float) -> Series:
    """AR(1) with innovations of standard deviation 1; a random walk where phi is 1."""
    noise = rng.standard_normal(panes)
    values = np.empty(panes)
    value = noise[0] / np.sqrt(1.0 - phi * phi) if phi < 1 else 0.0
    for index in range(panes):
        value = phi * value + noise[index]
        values[index] = value
    return values


def daily(amplitude: float, panes: int) -> Series:
    return np.asarray(amplitude * np.sin(2 * np.pi * np.arange(panes) / A_DAY))


def heartbeat(rng: np.random.Generator, panes: int, gap: float, shape: float) -> Series:
    """Events with Gamma gaps of mean `gap` panes: shape 1 is Poisson, large is regular, below 1 comes in bursts."""
    times = np.cumsum(rng.gamma(shape, gap / shape, int(3 * panes / gap) + 20))
    return np.bincount(times[times < panes].astype(int), minlength=panes).astype(np.float64)
