from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.solvers import Assignment, FulfilmentOrder, Option, assign_orders

PENALTY = 3
WAREHOUSES, CATEGORIES = "XYZ", ("toys", "garden")

options = st.dictionaries(st.sampled_from(WAREHOUSES), st.tuples(st.integers(0, 6), st.integers(0, 2))).map(
    lambda found: tuple(Option(name, *numbers) for name, numbers in found.items())
)
orders = st.lists(st.tuples(st.sampled_from(CATEGORIES), options), max_size=5).map(
    lambda found: [FulfilmentOrder(f"o{number}", *order) for number, order in enumerate(found)]
)
stocks = st.dictionaries(st.tuples(st.sampled_from(WAREHOUSES), st.sampled_from(CATEGORIES)), st.integers(0, 2))
capacities = st.dictionaries(st.sampled_from(WAREHOUSES), st.integers(0, 3))


def cost_of(option: Option) -> int:
    return option.lane_cost + PENALTY * option.hours_late


def by_enumeration(
    wanted: list[FulfilmentOrder], stock: dict[tuple[str, str], int], capacity: dict[str, int]
) -> tuple[int, int]:
    """How many orders can be served, and the least cost of serving so many."""
    best = (0, 0)
    for choice in product(*((None, *order.options) for order in wanted)):
        taken = [(option, order.category) for option, order in zip(choice, wanted, strict=True) if option]
        fits = fits_in(taken, stock, capacity)
        if fits:
            best = max(best, (len(taken), -sum(cost_of(option) for option, _ in taken)))
    return best[0], -best[1]


def fits_in(taken: list[tuple[Option, str]], stock: dict[tuple[str, str], int], capacity: dict[str, int]) -> bool:
    shelves = [(option.warehouse, category) for option, category in taken]
    places = [option.warehouse for option, _ in taken]
    return all(shelves.count(shelf) <= stock.get(shelf, 0) for shelf in shelves) and all(
        places.count(place) <= capacity.get(place, 0) for place in places
    )


@settings(max_examples=80, deadline=None)
@given(wanted=orders, stock=stocks, capacity=capacities)
def test_it_is_the_optimum(
    wanted: list[FulfilmentOrder], stock: dict[tuple[str, str], int], capacity: dict[str, int]
) -> None:
    found = assign_orders(wanted, stock, capacity, PENALTY)
    assert (len(found.warehouse_of), found.cost) == by_enumeration(wanted, stock, capacity)
    taken = [
        (option, order.category)
        for order in wanted
        for option in order.options
        if found.warehouse_of.get(order.id) == option.warehouse
    ]
    assert fits_in(taken, stock, capacity)
    assert found.cost == found.lane_cost + PENALTY * found.hours_late == sum(cost_of(option) for option, _ in taken)
    assert sorted([*found.warehouse_of, *found.unassigned]) == sorted(order.id for order in wanted)


@settings(max_examples=40, deadline=None)
@given(data=st.data(), wanted=orders, stock=stocks, capacity=capacities)
def test_the_order_of_the_input_does_not_matter(
    data: st.DataObject, wanted: list[FulfilmentOrder], stock: dict[tuple[str, str], int], capacity: dict[str, int]
) -> None:
    shuffled = [
        FulfilmentOrder(order.id, order.category, tuple(data.draw(st.permutations(order.options))))
        for order in data.draw(st.permutations(wanted))
    ]
    mixed = dict(data.draw(st.permutations(list(stock.items()))))
    assert assign_orders(shuffled, mixed, capacity, PENALTY) == assign_orders(wanted, stock, capacity, PENALTY)


def test_nothing_wanted_is_nothing_done() -> None:
    assert assign_orders([], {}, {"X": 3}, PENALTY) == Assignment({}, (), 0, 0, 0)


def test_lateness_outweighs_a_cheaper_lane() -> None:
    order = FulfilmentOrder("o1", "toys", (Option("X", 100, hours_late=4), Option("Y", 110)))
    stock = {("X", "toys"): 1, ("Y", "toys"): 1}
    assert assign_orders([order], stock, {"X": 1, "Y": 1}, 200).warehouse_of == {"o1": "Y"}
    assert assign_orders([order], stock, {"X": 1, "Y": 1}, 0).warehouse_of == {"o1": "X"}


def test_an_id_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        assign_orders([FulfilmentOrder("o1", "toys", ()), FulfilmentOrder("o1", "garden", ())], {}, {}, PENALTY)
