from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from scenarios.retail import RetailWorld, WorldSettings, run_off, troubles
from scenarios.retail.actions import Mail, Move, Switch
from scenarios.retail.sinks import OrderManagement
from scenarios.retail.tools import (
    divert_new_orders,
    notify_customers,
    reroute_orders,
    resources,
    restore_routing,
    switch_carrier,
)
from tests.scenarios.retail.builders import Context, advance
from tools import Catalogue, NothingDone, RefuseCommand, ToolContext

A = {"warehouse": "A"}


def test_the_catalogue_declares_every_manner() -> None:
    tools = [divert_new_orders, notify_customers, reroute_orders, restore_routing, switch_carrier]
    effects = {tool.name: tool.effect for tool in Catalogue(tools)}
    assert effects == {
        "divert_new_orders": "reconcilable",
        "notify_customers": "opaque",
        "reroute_orders": "keyed",
        "restore_routing": "reconcilable",
        "switch_carrier": "keyed",
    }


async def test_the_plan_saves_orders(troubled: RetailWorld, settings: WorldSettings, context: Context) -> None:
    for tool in (divert_new_orders, reroute_orders, notify_customers):
        await tool.call(context(tool.name), A)
    advance(troubled, settings.ticks)
    assert troubled.report().cancelled < run_off(settings).cancelled - 20


async def test_a_quote_is_what_the_call_then_does(troubled: RetailWorld, context: Context) -> None:
    quote = await reroute_orders.ask_quote(context("quote"), A)
    assert troubled.effects() == ()
    result = await reroute_orders.call(context(), A)
    assert (quote.feasible, quote.value, quote.detail) == (True, Decimal(result["value"]), result)
    (effect,) = troubled.effects()
    assert isinstance(effect.what, Move)
    assert len(effect.what.targets) == result["moved"] == sum(result["to"].values()) > 20
    assert result["left"] == result["at_risk"] - result["moved"]


async def test_rerouting_is_applied_once(troubled: RetailWorld, context: Context) -> None:
    first = await reroute_orders.call(context(), A)
    advance(troubled, troubled.tick + 2)
    assert await reroute_orders.call(context(), A) == first
    assert len(troubled.effects()) == 1


async def test_what_was_moved_leaves_from_elsewhere(troubled: RetailWorld, context: Context, tmp_path: Path) -> None:
    result = await reroute_orders.call(context(), A)
    advance(troubled, troubled.tick + 1)
    moved = set(OrderManagement(tmp_path).last_moved("A"))
    now = {order.number: order.warehouse for order in OrderManagement(tmp_path).snapshot().orders}
    assert len(moved) == result["moved"]
    assert "A" not in {now[number] for number in moved & now.keys()}


async def test_above_the_ceiling_nothing_moves(troubled: RetailWorld, context: Context) -> None:
    quote = await reroute_orders.ask_quote(context(), A)
    below = str(quote.value - Decimal("0.01"))
    with pytest.raises(RefuseCommand, match=below):
        await reroute_orders.call(context(ceiling=below), A)
    assert troubled.effects() == ()
    await reroute_orders.call(context(ceiling=str(quote.value)), A)


async def test_a_healthy_warehouse_has_nothing_to_move(world: RetailWorld, context: Context) -> None:
    advance(world, 50)
    quote = await reroute_orders.ask_quote(context(), {"warehouse": "B"})
    assert not quote.feasible
    assert quote.value == 0
    assert (await reroute_orders.call(context(), {"warehouse": "B"}))["moved"] == 0


@pytest.mark.parametrize("tool", [divert_new_orders, reroute_orders, restore_routing, notify_customers])
async def test_an_unknown_warehouse_is_named(world: RetailWorld, context: Context, tool: object) -> None:
    with pytest.raises(NothingDone, match="'Z' is unknown; known: A, B, C, D"):
        await tool.call(context(), {"warehouse": "Z"})  # type: ignore[attr-defined]
    assert world.effects() == ()


@pytest.mark.parametrize("tool", [divert_new_orders, reroute_orders])
async def test_a_quote_for_an_unknown_warehouse_is_infeasible(context: Context, tool: object) -> None:
    quote = await tool.ask_quote(context(), {"warehouse": "Z"})  # type: ignore[attr-defined]
    assert not quote.feasible
    assert "'Z'" in quote.reason


@pytest.mark.parametrize("hours", [0, 73])
async def test_hours_out_of_range_are_refused(world: RetailWorld, context: Context, hours: int) -> None:
    with pytest.raises(NothingDone, match="use 1 to 72"):
        await divert_new_orders.call(context(), {"warehouse": "A", "hours": hours})
    assert world.effects() == ()


async def test_diverting_can_be_asked_about_and_undone(troubled: RetailWorld, context: Context) -> None:
    assert await divert_new_orders.ask_applied(context("divert"), A) is None
    result = await divert_new_orders.call(context("divert"), A)
    assert await divert_new_orders.ask_applied(context("divert"), A) == result
    assert "A" not in placed_at(troubled, 8)
    await restore_routing.call(context("restore"), A)
    assert await restore_routing.ask_applied(context("restore"), A) is not None
    assert await restore_routing.ask_applied(context("divert-2"), A) is None
    assert "A" in placed_at(troubled, 8)


def placed_at(world: RetailWorld, ticks: int) -> set[str]:
    names: set[str] = set()
    for _ in range(ticks):
        names |= {event.data["warehouse"] for event in world.step() if event.type == "order.placed"}
        world.commit()
    return names


async def test_only_customers_of_rerouted_open_orders_are_told(troubled: RetailWorld, context: Context) -> None:
    assert await notify_customers.call(context(), A) == {"warehouse": "A", "mails": 0}
    assert troubled.effects() == ()
    moved = (await reroute_orders.call(context(), A))["moved"]
    for _ in range(2):
        assert await notify_customers.call(context("mail"), A) == {"warehouse": "A", "mails": moved}
    assert [effect.sink for effect in troubled.effects()] == ["oms", "mail", "mail"]
    mail = troubled.effects()[-1].what
    assert isinstance(mail, Mail)
    assert len(mail.orders) == moved


async def test_switching_the_carrier_helps_where_the_carrier_is_the_cause(tmp_path: Path) -> None:
    settings = WorldSettings(seed=2, days=4, novel=True, archive_days=0)
    world = RetailWorld(tmp_path, settings)
    advance(world, troubles(settings)[0].onset + 6)
    call = ToolContext("cmd-1", world.time, world.time, Decimal(50_000), resources(tmp_path))
    quote = await switch_carrier.ask_quote(call, {"carrier": "northline"})
    result = await switch_carrier.call(call, {"carrier": "northline"})
    assert await switch_carrier.call(call, {"carrier": "northline"}) == result
    assert quote.value == Decimal(result["value"]) > 0
    (effect,) = world.effects()
    assert isinstance(effect.what, Switch)
    advance(world, settings.ticks)
    assert world.report().cancelled < run_off(settings).cancelled - 30
    with pytest.raises(NothingDone, match="'pigeon' is unknown"):
        await switch_carrier.call(replace(call, command_id="cmd-2"), {"carrier": "pigeon"})
