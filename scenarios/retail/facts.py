"""The events that the shop publishes. None of them says why something happened."""

from typing import Any

from contracts import Event, to_iso
from scenarios.retail.orders import Order
from scenarios.retail.settings import instant

SOURCE = "/retail/world"


def money(pence: int) -> str:
    """`12990` as `129.90`."""
    return f"{pence // 100}.{pence % 100:02d}"


def placed(order: Order) -> Event:
    return _event(order, "placed", order.demand.placed, order.demand.offset)


def shipped(order: Order, tick: int) -> Event:
    return _event(order, "shipped", tick, order.demand.shipping_offset)


def cancelled(order: Order, tick: int) -> Event:
    return _event(order, "cancelled", tick, order.demand.cancelling_offset)


def _event(order: Order, what: str, tick: int, offset: int) -> Event:
    demand = order.demand
    data: dict[str, Any] = {
        "order_id": order.order_id,
        "warehouse": order.warehouse,
        "carrier": order.carrier,
        "country": demand.country,
        "payment": demand.payment,
        "category": demand.category,
        "value": money(demand.value),
        "promised_at": to_iso(order.promised_at),
    }
    return Event(
        id=f"{order.order_id}-{what}",
        source=SOURCE,
        type=f"order.{what}",
        time=instant(tick - 1) + offset,
        key=order.order_id,
        data=data,
    )
