"""What the shop's own systems show of the world at the end of a tick: all that a tool may know."""

from collections.abc import Mapping
from dataclasses import dataclass

from scenarios.retail.orders import slips
from scenarios.retail.settings import TICKS_PER_HOUR

RISK_MARGIN = TICKS_PER_HOUR
"""An order is at risk when its projection leaves less than this many ticks."""


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that has not left: `value` in pence, `ready` and `due` in ticks, `promised_at` in microseconds."""

    number: int
    warehouse: str
    carrier: str
    country: str
    category: str
    value: int
    ready: int
    due: int
    promised_at: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`orders` are open, oldest first; `stock` is in units, `rates` in orders a tick by warehouse and carrier.

    `placed` counts the orders that each warehouse and carrier was given in the last 24 hours.
    """

    tick: int
    orders: tuple[OpenOrder, ...]
    stock: Mapping[tuple[str, str], int]
    rates: Mapping[str, float]
    placed: Mapping[str, int]

    def at_risk(self, name: str) -> list[tuple[OpenOrder, float]]:
        """The orders at this warehouse or carrier that will miss their promise, or nearly so, and by how many ticks."""
        return [
            (order, slip)
            for order, slip in slips(self.orders, self.tick, self.rates)
            if name in (order.warehouse, order.carrier) and slip > -RISK_MARGIN
        ]

    def waiting(self, name: str) -> int:
        """How many open orders are at this warehouse or carrier."""
        return sum(name in (order.warehouse, order.carrier) for order in self.orders)
