"""The cancellations of the weeks before the world begins: what the shop's archive hands over at the start.

Nothing was wrong then, so that every customer who changed their mind in time was served as first ranked; no simulation
is needed to know it.
"""

from dataclasses import replace

from contracts import Event
from scenarios.retail.demand import Demand, past_regrets
from scenarios.retail.facts import cancelled
from scenarios.retail.orders import Order, promise
from scenarios.retail.settings import TICKS_PER_DAY, WorldSettings

_FIRST_NUMBER = 900_000
"""Numbers of archived orders begin here, above all that a world gives out."""


def archive(settings: WorldSettings) -> list[Event]:
    """Every `order.cancelled` of the `archive_days` before tick 1, by time."""
    ticks = settings.archive_days * TICKS_PER_DAY
    regretted = (_shift(demand, ticks) for demand in past_regrets(settings.seed, ticks))
    events = [
        cancelled(Order(demand, demand.warehouses[0], demand.carriers[0], promise(demand, demand.warehouses[0])), tick)
        for demand in regretted
        if (tick := demand.regret) is not None and tick <= 0
    ]
    return sorted(events, key=lambda event: (event.time, event.id))


def _shift(demand: Demand, ticks: int) -> Demand:
    regret = None if demand.regret is None else demand.regret - ticks
    return replace(demand, number=_FIRST_NUMBER + demand.number, placed=demand.placed - ticks, regret=regret)
