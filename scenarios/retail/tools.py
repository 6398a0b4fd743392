"""The shop's tools: what Forestall may do about a warehouse or a carrier in trouble."""

from asyncio import to_thread
from decimal import Decimal
from pathlib import Path
from typing import Any

import forestall
from contracts import to_iso
from forestall import NothingDone, Quote, RefuseCommand, ToolContext
from scenarios.retail.actions import Divert, Restore
from scenarios.retail.facts import money
from scenarios.retail.network import CARRIERS, WAREHOUSES
from scenarios.retail.rerouting import Rerouting, diversion_cost, reroute, switch
from scenarios.retail.settings import TICKS_PER_HOUR, instant
from scenarios.retail.sinks import MailGateway, OrderManagement, RoutingService
from scenarios.retail.snapshot import Snapshot

Result = dict[str, Any]
HOURS_MAX = 72


def resources(home: Path) -> dict[str, Any]:
    """The connectors, over `home`/world.db, which the world must have made."""
    return {"oms": OrderManagement(home), "routing": RoutingService(home), "mail": MailGateway(home)}


@forestall.tool(effect="reconcilable", risk="low", title="Divert new orders")
async def divert_new_orders(context: ToolContext, warehouse: str, hours: int = 24) -> Result:
    """Serve new orders from the other warehouses for some hours; orders already placed stay where they are."""
    snapshot = await _shop(context, warehouse=warehouse, hours=hours)
    orders, _ = diversion_cost(snapshot, warehouse, hours)
    until = snapshot.tick + hours * TICKS_PER_HOUR
    result = {"warehouse": warehouse, "until": to_iso(instant(until)), "expected_orders": orders, "changed": orders}
    return await to_thread(context.resources["routing"].apply, context.command_id, Divert(warehouse, until), result)


@divert_new_orders.quote
async def _quote_divert(context: ToolContext, warehouse: str, hours: int) -> Quote:
    try:
        snapshot = await _shop(context, warehouse=warehouse, hours=hours)
    except NothingDone as error:
        return Quote(value=Decimal(0), feasible=False, reason=str(error))
    orders, extra = diversion_cost(snapshot, warehouse, hours)
    return Quote(value=Decimal(money(extra)), detail={"expected_orders": orders, "extra_lane_cost": money(extra)})


@forestall.tool(effect="reconcilable", risk="low", title="Restore routing")
async def restore_routing(context: ToolContext, warehouse: str) -> Result:
    """Serve new orders from the warehouse again: the opposite of divert_new_orders."""
    await _shop(context, warehouse=warehouse)
    result = {"warehouse": warehouse, "restored": True}
    return await to_thread(context.resources["routing"].apply, context.command_id, Restore(warehouse), result)


@divert_new_orders.reconcile
async def _diverted(context: ToolContext, warehouse: str, hours: int) -> Result | None:  # noqa: ARG001
    found: Result | None = await to_thread(context.resources["routing"].find, context.command_id)
    return found


@restore_routing.reconcile
async def _restored(context: ToolContext, warehouse: str) -> Result | None:  # noqa: ARG001
    found: Result | None = await to_thread(context.resources["routing"].find, context.command_id)
    return found


@forestall.tool(effect="keyed", risk="medium", title="Reroute open orders")
async def reroute_orders(context: ToolContext, warehouse: str, horizon_hours: int = 24) -> Result:
    """Move the warehouse's orders that will miss their promise to warehouses with stock and capacity to spare.

    As many as possible, at the least cost of lanes and lateness: a minimum-cost maximum flow. An order that has
    left or was cancelled by the time that the warehouses take over stays as it is.
    """
    done: Result | None = await to_thread(context.resources["oms"].find, context.command_id)
    if done is not None:
        return done
    snapshot = await _shop(context, warehouse=warehouse, horizon_hours=horizon_hours)
    found = await to_thread(reroute, snapshot, warehouse, horizon_hours)
    _bound(context, "reroute_orders", found.value)
    return await to_thread(context.resources["oms"].apply, context.command_id, found.move, _moved(found))


@reroute_orders.quote
async def _quote_reroute(context: ToolContext, warehouse: str, horizon_hours: int) -> Quote:
    try:
        snapshot = await _shop(context, warehouse=warehouse, horizon_hours=horizon_hours)
    except NothingDone as error:
        return Quote(value=Decimal(0), feasible=False, reason=str(error))
    found = await to_thread(reroute, snapshot, warehouse, horizon_hours)
    reason = "" if found.move.targets else f"no order at risk at warehouse {warehouse} can be moved"
    return Quote(Decimal(money(found.value)), bool(found.move.targets), reason, _moved(found))


@forestall.tool(effect="opaque", risk="low", title="Notify customers")
async def notify_customers(context: ToolContext, warehouse: str) -> Result:
    """Mail the new promise to the customers of the orders last rerouted from the warehouse, where still open."""
    snapshot = await _shop(context, warehouse=warehouse)
    moved = await to_thread(context.resources["oms"].last_moved, warehouse)
    waiting = {order.number for order in snapshot.orders}
    numbers = tuple(number for number in moved if number in waiting)
    result = {"warehouse": warehouse, "mails": len(numbers)}
    if not numbers:
        return result
    return await to_thread(context.resources["mail"].send, numbers, result)


@forestall.tool(effect="keyed", risk="high", title="Switch carrier")
async def switch_carrier(context: ToolContext, carrier: str, hours: int = 24) -> Result:
    """Give the carrier's parcels that will miss their promise, and for some hours all new ones, to other carriers."""
    done: Result | None = await to_thread(context.resources["oms"].find, context.command_id)
    if done is not None:
        return done
    snapshot = await _shop(context, carrier=carrier, hours=hours)
    change, value = switch(snapshot, carrier, hours)
    _bound(context, "switch_carrier", value)
    result = {
        "carrier": carrier,
        "switched": len(change.targets),
        "changed": len(change.targets),
        "value": money(value),
    }
    return await to_thread(context.resources["oms"].apply, context.command_id, change, result)


@switch_carrier.quote
async def _quote_switch(context: ToolContext, carrier: str, hours: int) -> Quote:
    try:
        snapshot = await _shop(context, carrier=carrier, hours=hours)
    except NothingDone as error:
        return Quote(value=Decimal(0), feasible=False, reason=str(error))
    change, value = switch(snapshot, carrier, hours)
    reason = "" if change.targets else f"no parcel of {carrier} is at risk"
    return Quote(Decimal(money(value)), bool(change.targets), reason, {"parcels": len(change.targets)})


async def _shop(context: ToolContext, **arguments: str | int) -> Snapshot:
    """The shop now.

    Raises:
        NothingDone: a name is unknown, or a number of hours out of range.
    """
    known = {"warehouse": sorted(WAREHOUSES), "carrier": sorted(CARRIERS)}
    for name, value in arguments.items():
        if name in known and value not in known[name]:
            raise NothingDone(f"{name}: {value!r} is unknown; known: {', '.join(known[name])}")
        if name not in known and not 1 <= int(value) <= HOURS_MAX:
            raise NothingDone(f"{name}: {value} is out of range; use 1 to {HOURS_MAX}")
    snapshot: Snapshot = await to_thread(context.resources["oms"].snapshot)
    return snapshot


def _bound(context: ToolContext, tool: str, pence: int) -> None:
    value = Decimal(money(pence))
    if value > context.value_ceiling:
        raise RefuseCommand(f"{tool}: it would touch {value}, above the ceiling of {context.value_ceiling}")


def _moved(found: Rerouting) -> Result:
    return {
        "warehouse": found.move.warehouse,
        "at_risk": found.at_risk,
        "moved": len(found.move.targets),
        "changed": len(found.move.targets),
        "left": found.at_risk - len(found.move.targets),
        "value": money(found.value),
        "lane_cost": money(found.solution.lane_cost),
        "hours_late": found.solution.hours_late,
        "to": found.per_warehouse,
    }
