"""No order and no unit gets lost, whatever the sinks are told."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.retail.actions import Action, Divert, Mail, Move, Restore, Switch
from scenarios.retail.network import CARRIERS, CATEGORIES, WAREHOUSES
from scenarios.retail.settings import TICKS_PER_DAY, TICKS_PER_HOUR, WorldSettings
from scenarios.retail.simulation import Simulation

numbers = st.integers(1, 1300)
warehouses, carriers = st.sampled_from(sorted(WAREHOUSES)), st.sampled_from(sorted(CARRIERS))
ticks = st.integers(0, 200)
actions: st.SearchStrategy[Action] = st.one_of(
    st.builds(Divert, warehouse=warehouses, until=ticks),
    st.builds(Restore, warehouse=warehouses),
    st.builds(Move, warehouse=warehouses, targets=st.dictionaries(numbers, warehouses, max_size=40)),
    st.builds(Switch, carrier=carriers, targets=st.dictionaries(numbers, carriers, max_size=40), until=ticks),
    st.builds(Mail, orders=st.lists(numbers, max_size=10).map(tuple)),
)


def units(world: Simulation) -> Counter[str]:
    """Units by category: on the shelf, reserved by open orders, and gone."""
    total: Counter[str] = Counter()
    for (_, category), available in world.stock.items():
        total[category] += available
    for order in world.orders.values():
        total[order.demand.category] += order.state != "cancelled"
    return total


@settings(max_examples=12, deadline=None)
@given(
    plan=st.dictionaries(st.integers(1, 2 * TICKS_PER_DAY - 1), st.lists(actions, max_size=3), max_size=40),
    stock_days=st.sampled_from([0.05, 0.3, 2.0]),
    seed=st.integers(0, 50),
)
def test_orders_and_units_are_conserved(plan: dict[int, list[Action]], stock_days: float, seed: int) -> None:
    world = Simulation(WorldSettings(seed=seed, days=2, stock_days=stock_days))
    before = units(world)
    known: dict[int, str] = {}
    while not world.ended:
        world.advance(plan.get(world.tick, []))
        now = units(world)
        filled = world.tick % TICKS_PER_DAY == 5 * TICKS_PER_HOUR + 1
        assert all(now[name] >= before[name] for name in CATEGORIES) if filled else now == before
        assert min(world.stock.values()) >= 0
        assert all(order.state == known[number] for number, order in world.orders.items() if number in known)
        known |= {number: order.state for number, order in world.orders.items() if order.state != "open"}
        assert [order.demand.number for order in world.open] == sorted(world.orders.keys() - known.keys())
        before = now
    report = world.report()
    assert report.orders == len(world.orders)
    assert report.orders == report.open + report.shipped + report.delivered + report.cancelled


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 1000))
def test_no_warehouse_ships_more_than_it_can(seed: int) -> None:
    world = Simulation(WorldSettings(seed=seed, days=4))
    allowance = dict.fromkeys(WAREHOUSES, 1.0)
    shipped: Counter[str] = Counter()
    while not world.ended:
        events, _ = world.advance()
        shipped.update(event.data["warehouse"] for event in events if event.type == "order.shipped")
        for name in WAREHOUSES:
            allowance[name] += world.servers[name].rate
            assert shipped[name] <= allowance[name]
