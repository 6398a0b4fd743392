import sqlite3
from pathlib import Path

import pytest

from scenarios.retail import RetailWorld
from scenarios.retail.actions import Divert, Mail, Move
from scenarios.retail.sinks import MailGateway, OrderManagement, RoutingService
from tests.scenarios.retail.builders import advance


def test_the_order_management_applies_a_command_once(world: RetailWorld, tmp_path: Path) -> None:
    oms = OrderManagement(tmp_path)
    assert oms.find("cmd-1") is None
    first = oms.apply("cmd-1", Move("A", {1: "B"}), {"moved": 1})
    assert oms.apply("cmd-1", Move("A", {2: "C"}), {"moved": 99}) == first == oms.find("cmd-1")
    (effect,) = world.effects()
    assert (effect.sink, effect.command_id, effect.what) == ("oms", "cmd-1", Move("A", {1: "B"}))


def test_the_routing_service_applies_twice_and_can_be_asked(world: RetailWorld, tmp_path: Path) -> None:
    routing = RoutingService(tmp_path)
    assert routing.find("cmd-1") is None
    for hours in (1, 2):
        routing.apply("cmd-1", Divert("A", hours), {"hours": hours})
    assert routing.find("cmd-1") == {"hours": 1}
    assert [effect.command_id for effect in world.effects()] == ["cmd-1", "cmd-1"]


def test_the_mail_gateway_sends_whenever_it_is_called(world: RetailWorld, tmp_path: Path) -> None:
    for _ in range(2):
        MailGateway(tmp_path).send((1, 2), {"mails": 2})
    assert [(effect.command_id, effect.what) for effect in world.effects()] == [(None, Mail((1, 2)))] * 2


def test_the_next_step_sees_what_was_accepted(world: RetailWorld, tmp_path: Path) -> None:
    RoutingService(tmp_path).apply("cmd-1", Divert("A", 60), {})
    served: list[str] = []
    for _ in range(60):
        served += [event.data["warehouse"] for event in world.step() if event.type == "order.placed"]
        world.commit()
    assert served
    assert "A" not in served


def test_what_comes_between_step_and_commit_counts_from_the_next_tick(world: RetailWorld, tmp_path: Path) -> None:
    advance(world, 40)
    stepped = world.step()
    order = next(event.data for event in stepped if event.type == "order.placed")
    number, target = int(order["order_id"][-6:]), "D" if order["warehouse"] != "D" else "C"
    oms = OrderManagement(tmp_path)
    oms.apply("cmd-1", Move(order["warehouse"], {number: target}), {})
    assert world.step() == stepped
    world.commit()
    assert [each.warehouse for each in oms.snapshot().orders if each.number == number] == [order["warehouse"]]
    advance(world, world.tick + 1)
    assert [each.warehouse for each in oms.snapshot().orders if each.number == number] == [target]


def test_effects_survive_and_are_folded_in_once(world: RetailWorld, tmp_path: Path) -> None:
    advance(world, 40)
    order = OrderManagement(tmp_path).snapshot().orders[-1]
    target = "D" if order.warehouse != "D" else "C"
    back = {order.number: order.warehouse}
    oms = OrderManagement(tmp_path)
    oms.apply("there", Move(order.warehouse, {order.number: target}), {})
    advance(world, 41)
    oms.apply("back", Move(target, back), {})
    advance(world, 44)
    assert next(each for each in oms.snapshot().orders if each.number == order.number).warehouse == order.warehouse


def test_a_sink_without_a_world_says_so(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        OrderManagement(tmp_path).snapshot()
    assert not list(tmp_path.iterdir())


def test_the_log_tells_the_tick(world: RetailWorld, tmp_path: Path) -> None:
    RoutingService(tmp_path).apply("cmd-1", Divert("B", 10), {})
    advance(world, 2)
    RoutingService(tmp_path).apply("cmd-2", Divert("C", 10), {})
    assert [effect.tick for effect in world.effects()] == [0, 2]
