"""What became of the orders."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fate:
    """One order's end so far: `value` in pence, `arrives` and `promised_at` in microseconds."""

    state: str
    value: int
    promised_at: int
    arrives: int | None


@dataclass(frozen=True, slots=True)
class WorldReport:
    """Counts at the end of a tick. `late` counts shipped orders that arrive after the promise; money is in pence.

    Every order is in exactly one state: orders = open + shipped + delivered + cancelled, where `shipped` is under way.
    """

    tick: int
    orders: int
    open: int
    shipped: int
    delivered: int
    cancelled: int
    late: int
    order_value: int
    cancelled_value: int


def summarise(tick: int, now: int, fates: Iterable[Fate]) -> WorldReport:
    """Count them at the instant `now` (microseconds)."""
    states = {"open": 0, "shipped": 0, "delivered": 0, "cancelled": 0}
    late = order_value = cancelled_value = 0
    for fate in fates:
        delivered = fate.arrives is not None and fate.arrives <= now
        states["delivered" if delivered else fate.state] += 1
        late += fate.arrives is not None and fate.arrives > fate.promised_at
        order_value += fate.value
        cancelled_value += fate.value if fate.state == "cancelled" else 0
    return WorldReport(
        tick=tick,
        orders=sum(states.values()),
        late=late,
        order_value=order_value,
        cancelled_value=cancelled_value,
        **states,
    )
