"""What to do about a warehouse or a carrier in trouble, computed from a snapshot alone."""

import math
from dataclasses import dataclass

from scenarios.retail.actions import Move, Switch
from scenarios.retail.network import CARRIERS, LANES, WAREHOUSES
from scenarios.retail.orders import due_tick
from scenarios.retail.settings import TICKS_PER_DAY, TICKS_PER_HOUR
from scenarios.retail.snapshot import OpenOrder, Snapshot
from tools.solvers import Assignment, FulfilmentOrder, Option, assign_orders

LATE_PENALTY = 200
"""What an hour beyond the promise is worth, in pence."""


@dataclass(frozen=True, slots=True)
class Rerouting:
    """Which orders at risk go where. `value` is that of the moved ones, in pence."""

    move: Move
    solution: Assignment
    at_risk: int
    value: int

    @property
    def per_warehouse(self) -> dict[str, int]:
        chosen = list(self.move.targets.values())
        return {name: chosen.count(name) for name in sorted(set(chosen))}


def reroute(snapshot: Snapshot, warehouse: str, horizon_hours: int) -> Rerouting:
    """Move the orders at risk to where they will be less late, as many as possible and at the least cost."""
    others = [name for name in WAREHOUSES if name != warehouse]
    risky = snapshot.at_risk(warehouse)
    orders = [
        FulfilmentOrder(str(order.number), order.category, _options(snapshot, order, slip, others))
        for order, slip in risky
    ]
    capacity = {name: _spare(snapshot, name, horizon_hours) for name in others}
    solution = assign_orders(orders, snapshot.stock, capacity, LATE_PENALTY)
    targets = {int(number): target for number, target in solution.warehouse_of.items()}
    value = sum(order.value for order, _ in risky if order.number in targets)
    return Rerouting(Move(warehouse, targets), solution, len(risky), value)


def switch(snapshot: Snapshot, carrier: str, hours: int) -> tuple[Switch, int]:
    """Give the orders at risk to the other carriers, in turn to the least loaded; and their value in pence."""
    load = {name: float(snapshot.waiting(name)) for name in CARRIERS if name != carrier}
    targets: dict[int, str] = {}
    value = 0
    for order, _ in snapshot.at_risk(carrier):
        chosen = min(load, key=lambda name: (load[name] / snapshot.rates[name], name))
        load[chosen] += 1
        targets[order.number] = chosen
        value += order.value
    return Switch(carrier, targets, snapshot.tick + hours * TICKS_PER_HOUR), value


def diversion_cost(snapshot: Snapshot, warehouse: str, hours: int) -> tuple[int, int]:
    """New orders expected at the warehouse meanwhile, and what serving them elsewhere costs more, in pence."""
    orders = round(snapshot.placed[warehouse] / 24 * hours)
    others = [name for name in WAREHOUSES if name != warehouse]
    countries = sorted({country for _, country in LANES})
    extra = [
        max(0, sum(LANES[name, country].cost for name in others) // len(others) - LANES[warehouse, country].cost)
        for country in countries
    ]
    return orders, orders * max(extra)


def _options(snapshot: Snapshot, order: OpenOrder, slip: float, others: list[str]) -> tuple[Option, ...]:
    """The warehouses where the order would be less late than where it is."""
    options = []
    for name in others:
        leaves = max(order.ready, snapshot.tick + (snapshot.waiting(name) + 1) / snapshot.rates[name])
        late = leaves - due_tick(order.promised_at, name, order.country)
        if late < slip:
            hours_late = max(0, math.ceil(late / TICKS_PER_HOUR))
            options.append(Option(name, LANES[name, order.country].cost, hours_late))
    return tuple(options)


def _spare(snapshot: Snapshot, name: str, horizon_hours: int) -> int:
    """Orders that a warehouse can handle within the horizon beside its own."""
    able = snapshot.rates[name] * horizon_hours * TICKS_PER_HOUR
    expected = snapshot.placed[name] / TICKS_PER_DAY * horizon_hours * TICKS_PER_HOUR
    return max(0, int(able - expected - snapshot.waiting(name)))
