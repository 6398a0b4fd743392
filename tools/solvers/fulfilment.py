"""Which warehouse serves which order: as many orders as possible, at the least cost of lanes and lateness."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tools.solvers.flow import Arc, max_flow_min_cost


@dataclass(frozen=True, slots=True)
class Option:
    """A warehouse that could serve an order: the lane's cost, and by how many hours the promise would be missed."""

    warehouse: str
    lane_cost: int
    hours_late: int = 0


@dataclass(frozen=True, slots=True)
class FulfilmentOrder:
    """An order to be placed: it takes one unit of `category` and of capacity at one of its options."""

    id: str
    category: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Assignment:
    """`warehouse_of` by order id. `cost` is `lane_cost` and the penalty for `hours_late`, in the lanes' unit."""

    warehouse_of: dict[str, str]
    unassigned: tuple[str, ...]
    lane_cost: int
    hours_late: int
    cost: int


def assign_orders(
    orders: Iterable[FulfilmentOrder],
    stock: Mapping[tuple[str, str], int],
    capacity: Mapping[str, int],
    penalty_per_hour: int,
) -> Assignment:
    """Solve it as a minimum-cost maximum flow: source, order, (warehouse, category), warehouse, sink.

    `stock` is in units by (warehouse, category), `capacity` in orders by warehouse over the horizon; what is not named
    has none. The same problem has the same answer, whatever the order of its parts.

    Raises:
        ValueError: two orders share an id, or a number is negative.
    """
    listed = list(orders)
    by_id = {order.id: order for order in listed}
    if len(by_id) < len(listed):
        raise ValueError(f"orders: {len(listed) - len(by_id)} ids are given twice; every order needs its own")
    options = {
        (order.id, option.warehouse): option
        for order in by_id.values()
        for option in order.options
        if capacity.get(option.warehouse, 0) and stock.get((option.warehouse, order.category), 0)
    }
    flow = max_flow_min_cost(_network(by_id, options, stock, capacity, penalty_per_hour), "source", "sink")
    chosen = {
        order_id: warehouse
        for order_id, warehouse in sorted(options)
        if flow.units.get((f"order {order_id}", _shelf(warehouse, by_id[order_id].category)))
    }
    taken = [options[pair] for pair in chosen.items()]
    return Assignment(
        warehouse_of=chosen,
        unassigned=tuple(sorted(by_id.keys() - chosen.keys())),
        lane_cost=sum(option.lane_cost for option in taken),
        hours_late=sum(option.hours_late for option in taken),
        cost=flow.cost,
    )


def _network(
    orders: Mapping[str, FulfilmentOrder],
    options: Mapping[tuple[str, str], Option],
    stock: Mapping[tuple[str, str], int],
    capacity: Mapping[str, int],
    penalty_per_hour: int,
) -> list[Arc]:
    shelves = {(warehouse, orders[order_id].category) for order_id, warehouse in options}
    arcs = [Arc("source", f"order {order_id}", 1) for order_id in orders]
    for (order_id, warehouse), option in options.items():
        cost = option.lane_cost + penalty_per_hour * option.hours_late
        arcs.append(Arc(f"order {order_id}", _shelf(warehouse, orders[order_id].category), 1, cost))
    arcs += [Arc(_shelf(*shelf), f"warehouse {shelf[0]}", stock[shelf]) for shelf in shelves]
    arcs += [Arc(f"warehouse {name}", "sink", capacity[name]) for name in {name for name, _ in shelves}]
    return arcs


def _shelf(warehouse: str, category: str) -> str:
    return f"shelf {len(warehouse)} {warehouse} {category}"
