from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.solvers import Arc, max_flow_min_cost

NODES = ["source", "a", "b", "sink"]
PAIRS = [(tail, head) for tail in NODES for head in NODES if tail != head and tail != "sink" and head != "source"]
networks = st.dictionaries(st.sampled_from(PAIRS), st.tuples(st.integers(0, 2), st.integers(0, 4))).map(
    lambda arcs: [Arc(tail, head, capacity, cost) for (tail, head), (capacity, cost) in arcs.items()]
)


def by_enumeration(arcs: list[Arc]) -> tuple[int, int]:
    """The largest amount, and the least cost of sending it."""
    best = (0, 0)
    for units in product(*(range(arc.capacity + 1) for arc in arcs)):
        balance = dict.fromkeys(NODES, 0)
        for arc, flow in zip(arcs, units, strict=True):
            balance[arc.tail] -= flow
            balance[arc.head] += flow
        if balance["a"] == balance["b"] == 0:
            cost = sum(arc.cost * flow for arc, flow in zip(arcs, units, strict=True))
            best = max(best, (balance["sink"], -cost))
    return best[0], -best[1]


@settings(max_examples=60, deadline=None)
@given(arcs=networks)
def test_it_is_the_optimum(arcs: list[Arc]) -> None:
    flow = max_flow_min_cost(arcs, "source", "sink")
    assert (flow.amount, flow.cost) == by_enumeration(arcs)
    capacity = {(arc.tail, arc.head): arc.capacity for arc in arcs}
    assert all(0 < units <= capacity[pair] for pair, units in flow.units.items())


@settings(max_examples=60, deadline=None)
@given(data=st.data(), arcs=networks)
def test_the_order_of_the_arcs_does_not_matter(data: st.DataObject, arcs: list[Arc]) -> None:
    shuffled = data.draw(st.permutations(arcs))
    assert max_flow_min_cost(shuffled, "source", "sink") == max_flow_min_cost(arcs, "source", "sink")


def test_equal_optima_are_decided_by_the_names() -> None:
    """Also when an arc that no optimum uses changes the problem that the solver sees."""
    ways = [Arc("source", name, 1) for name in "abcdef"] + [Arc(name, "out", 1, 5) for name in "abcdef"]
    narrow = [*ways, Arc("out", "sink", 2)]
    chosen = max_flow_min_cost(narrow, "source", "sink")
    assert (chosen.amount, chosen.cost) == (2, 10)
    detour = [*narrow, Arc("source", "z", 1), Arc("z", "out", 1, 90)]
    assert max_flow_min_cost(detour, "source", "sink").units == chosen.units


@pytest.mark.parametrize(
    ("arcs", "problem"),
    [
        ([Arc("source", "sink", -1)], "negative"),
        ([Arc("source", "sink", 1, -1)], "negative"),
        ([Arc("source", "sink", 1), Arc("source", "sink", 2)], "twice"),
        ([Arc("source", "sink", 1, 2**61)], "too large"),
    ],
)
def test_what_cannot_be_solved_is_refused(arcs: list[Arc], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        max_flow_min_cost(arcs, "source", "sink")


def test_a_source_that_is_its_own_sink_is_refused() -> None:
    with pytest.raises(ValueError, match="sink"):
        max_flow_min_cost([Arc("a", "b", 1)], "a", "a")
