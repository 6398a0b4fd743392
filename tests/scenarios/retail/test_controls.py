"""Does the world behave as the story says, over seeds?"""

from collections import Counter
from dataclasses import replace
from functools import lru_cache
from statistics import median

import pytest

from contracts import HOUR
from scenarios.retail import WorldReport, WorldSettings, run_delayed, run_oracle, troubles
from scenarios.retail import run_off as run_off_anew
from scenarios.retail.archive import archive
from scenarios.retail.settings import instant
from scenarios.retail.simulation import Simulation

SEEDS = range(3)
DAYS = 4
"""Enough for the first trouble's first hours."""


@lru_cache
def run_off(settings: WorldSettings) -> WorldReport:
    return run_off_anew(settings)


@lru_cache
def cancellations(settings: WorldSettings, hours: range) -> Counter[tuple[str, str]]:
    """Cancelled orders by attribute in these hours after the first trouble's onset."""
    world = Simulation(settings)
    onset = instant(troubles(WorldSettings(seed=settings.seed))[0].onset - 1)
    found: Counter[tuple[str, str]] = Counter()
    while not world.ended:
        events, _ = world.advance()
        for event in events:
            if event.type == "order.cancelled" and (event.time - onset) // HOUR in hours:
                found.update((name, event.data[name]) for name in ("warehouse", "carrier", "payment", "country"))
                found["all", ""] += 1
    return found


@pytest.mark.parametrize(
    ("variant", "cause"),
    [
        (WorldSettings(), ("warehouse", "A")),
        (WorldSettings(degrade=("B",)), ("warehouse", "B")),
        (WorldSettings(cause="payment"), ("payment", "card")),
        (WorldSettings(novel=True), ("carrier", "northline")),
    ],
)
def test_the_excess_carries_the_cause(variant: WorldSettings, cause: tuple[str, str]) -> None:
    first_hours = range(4)
    shares, rates = [], []
    for seed in SEEDS:
        off = cancellations(replace(variant, seed=seed, days=DAYS), first_hours)
        quiet = cancellations(WorldSettings(seed=seed, days=DAYS, degrade=()), first_hours)
        excess = off - quiet
        shares.append(excess[cause] / excess["all", ""])
        rates.append(off["all", ""] / len(first_hours))
        others = {name: units for name, units in excess.items() if name[0] not in (cause[0], "all")}
        assert max(others.values()) < excess["all", ""] * 0.85
    assert min(shares) > 0.9
    assert 4 <= median(rates) <= 15


def test_a_quiet_world_has_few_cancellations_and_no_late_order() -> None:
    for seed in SEEDS:
        report = run_off(WorldSettings(seed=seed, degrade=()))
        assert 0.03 < report.cancelled / report.orders < 0.07
        assert report.late == 0


def test_acting_at_onset_saves_most_orders_and_acting_later_still_more_than_half() -> None:
    kept: dict[float, list[float]] = {1.5: [], 2.5: []}
    for seed in SEEDS:
        settings = WorldSettings(seed=seed)
        off, oracle = run_off(settings).cancelled, run_oracle(settings).cancelled
        quiet = run_off(WorldSettings(seed=seed, degrade=())).cancelled
        assert off - oracle > 0.8 * (off - quiet)
        for hours, shares in kept.items():
            shares.append((off - run_delayed(settings, hours).cancelled) / (off - oracle))
    assert median(kept[1.5]) > 0.75
    assert median(kept[2.5]) > 0.65


def test_healed_by_itself_the_damage_stays_small() -> None:
    for seed in SEEDS:
        healed = run_off(WorldSettings(seed=seed, self_heal=True)).cancelled
        quiet = run_off(WorldSettings(seed=seed, degrade=())).cancelled
        lasting = run_off(WorldSettings(seed=seed)).cancelled
        assert quiet < healed < quiet + 0.35 * (lasting - quiet)


def test_nothing_in_the_shop_helps_against_the_payment_provider() -> None:
    settings = WorldSettings(seed=1, cause="payment")
    assert run_oracle(settings) == run_off(settings)


def test_a_world_has_at_most_eight_thousand_events() -> None:
    for seed in SEEDS:
        report = run_off(WorldSettings(seed=seed))
        events = report.orders + report.shipped + report.delivered + report.cancelled
        assert events + len(archive(WorldSettings(seed=seed))) <= 8000
