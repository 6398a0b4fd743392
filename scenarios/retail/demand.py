"""What every customer wants and how patient each is, drawn once from the seed: common random numbers.

Row n of a matrix of uniforms belongs to order n whatever happens in the world, so that the same customers come with
Forestall on, off or with an oracle, and the difference in cancellations is due to the actions alone (common random
numbers: Law, Simulation Modeling and Analysis, chapter 11). The stream is Philox, a counter-based generator (Salmon et
al. 2011), keyed by the seed.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from scenarios.retail.network import (
    CARRIERS,
    CATEGORIES,
    COUNTRIES,
    MEAN_VALUE,
    ORDERS_PER_HOUR,
    PAYMENTS,
    WAREHOUSES,
    activity,
)
from scenarios.retail.settings import TICK, TICKS_PER_HOUR, hour_of_day

REGRET = 0.05
"""Share of orders that are cancelled within three hours for reasons of the customer's own."""
_PRESENT, _PAST = (1, 2), (4, 5)
"""Streams of arrivals and of customers."""
_COLUMNS, _WHIM = 16, 10


@dataclass(frozen=True, slots=True)
class Demand:
    """One customer's wish.

    `warehouses` and `carriers` are ranked: the first that is available serves. `value` is in pence; the offsets place
    the events inside their ticks, in microseconds. `patience` is the integrated hazard at which a customer whose
    promise slips cancels (unit exponential), `credit` the same for one whose payment is declined; `regret` is the tick
    at which the customer cancels in any case, if the parcel has not left. `grace` is promised beyond handling and
    transit, in ticks.
    """

    number: int
    placed: int
    category: str
    country: str
    payment: str
    value: int
    warehouses: tuple[str, ...]
    carriers: tuple[str, ...]
    patience: float
    credit: float
    regret: int | None
    grace: int
    offset: int
    shipping_offset: int
    cancelling_offset: int


def demand_book(seed: int, ticks: int) -> tuple[tuple[Demand, ...], ...]:
    """The orders of tick 1, 2, ... `ticks`; a longer book begins with the shorter one."""
    book: list[list[Demand]] = [[] for _ in range(ticks)]
    for number, tick, row in _draw(seed, ticks, _PRESENT):
        book[tick - 1].append(_demand(number, tick, row))
    return tuple(map(tuple, book))


def past_regrets(seed: int, ticks: int) -> Iterator[Demand]:
    """Of other customers, in as many ticks of an earlier time, those who change their mind."""
    drawn = _draw(seed, ticks, _PAST)
    return (_demand(number, tick, row) for number, tick, row in drawn if row[_WHIM] < REGRET)


def _draw(seed: int, ticks: int, streams: tuple[int, int]) -> Iterator[tuple[int, int, list[float]]]:
    """Each order's number, tick and row of uniforms."""
    uniforms = np.random.Generator(np.random.Philox(key=[seed, streams[0]])).random(ticks).tolist()
    counts = [
        _poisson(ORDERS_PER_HOUR / TICKS_PER_HOUR * activity(hour_of_day(tick)), uniform)
        for tick, uniform in enumerate(uniforms, start=1)
    ]
    rows = np.random.Generator(np.random.Philox(key=[seed, streams[1]])).random((sum(counts), _COLUMNS)).tolist()
    numbered = enumerate(rows, start=1)
    for tick, count in enumerate(counts, start=1):
        for _ in range(count):
            number, row = next(numbered)
            yield number, tick, row


def _demand(number: int, tick: int, row: list[float]) -> Demand:
    category = _pick(CATEGORIES, row[0])
    return Demand(
        number=number,
        placed=tick,
        category=category,
        country=_pick(COUNTRIES, row[1]),
        payment=_pick(PAYMENTS, row[2]),
        value=round(MEAN_VALUE[category] * (0.4 + 1.2 * row[3]) / 10) * 10,
        warehouses=_rank(WAREHOUSES, row[4], row[5]),
        carriers=_rank(CARRIERS, row[6], row[7]),
        patience=-math.log1p(-row[8]),
        credit=-math.log1p(-row[9]),
        regret=tick + 1 + int(row[_WHIM] / REGRET * 3 * TICKS_PER_HOUR) if row[_WHIM] < REGRET else None,
        grace=int((2 + 4 * row[11]) * TICKS_PER_HOUR),
        offset=_offset(row[12]),
        shipping_offset=_offset(row[13]),
        cancelling_offset=_offset(row[14]),
    )


def _offset(uniform: float) -> int:
    return int(uniform * (TICK // 1_000_000)) * 1_000_000


def _pick(shares: Mapping[str, float], uniform: float) -> str:
    """Inverse transform sampling; the last name takes what rounding leaves."""
    total = sum(shares.values())
    for name, share in shares.items():
        uniform -= share / total
        if uniform < 0:
            return name
    return name


def _rank(shares: Mapping[str, float], first: float, second: float) -> tuple[str, ...]:
    """A ranking in which the first and the second place fall by share, and the rest by name."""
    top = _pick(shares, first)
    rest = {name: share for name, share in shares.items() if name != top}
    runner_up = _pick(rest, second)
    return (top, runner_up, *sorted(name for name in rest if name != runner_up))


def _poisson(mean: float, uniform: float) -> int:
    """Inverse transform sampling of a Poisson count."""
    count, term = 0, math.exp(-mean)
    cumulative = term
    while uniform > cumulative and count < 1000:
        count += 1
        term *= mean / count
        cumulative += term
    return count
