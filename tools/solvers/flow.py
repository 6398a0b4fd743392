"""Minimum-cost maximum flow with a canonical choice among equal optima.

OR-tools solves it by cost scaling with push-relabel (Goldberg 1997), in one thread. Where several flows are optimal, a
small cost derived from each arc's names decides: with perturbations drawn from a large range the optimum is unique with
high probability (isolation lemma: Mulmuley, Vazirani and Vazirani 1987), so that the choice depends on the problem and
not on the order of its arcs. Arcs are sorted as well, which settles what is left.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from contracts import install_command
from tools.errors import NothingDone

_ISOLATION_BITS = 20
_SAFE_BITS = 60
"""Costs times nodes stay below 2**60 inside the solver, whose integers have 64 bits."""


@dataclass(frozen=True, slots=True)
class Arc:
    """From `tail` to `head`: at most `capacity` units, at `cost` each (both non-negative integers)."""

    tail: str
    head: str
    capacity: int
    cost: int = 0


@dataclass(frozen=True, slots=True)
class Flow:
    """`amount` units from source to sink at the total `cost`; `units` by (tail, head), where there are any."""

    amount: int
    cost: int
    units: dict[tuple[str, str], int]


def max_flow_min_cost(arcs: Iterable[Arc], source: str, sink: str) -> Flow:
    """As many units as possible, and of all ways to send them the cheapest.

    Raises:
        ValueError: negative numbers, an arc twice, source equal to sink, or costs too large for 64-bit integers.
    """
    ordered = _checked(arcs, source, sink)
    nodes = sorted({source, sink} | {arc.tail for arc in ordered} | {arc.head for arc in ordered})
    reach = min(
        sum(arc.capacity for arc in ordered if arc.tail == source),
        sum(arc.capacity for arc in ordered if arc.head == sink),
    )
    if not reach:
        return Flow(0, 0, {})
    bits = _isolation_bits(max(arc.cost for arc in ordered), len(nodes), reach)
    scale = reach * len(nodes) << bits
    costs = [arc.cost * scale + _perturbation(arc, bits) for arc in ordered]
    flows = _solve(ordered, costs, {name: index for index, name in enumerate(nodes)}, (source, sink), reach)
    units = {(arc.tail, arc.head): flow for arc, flow in zip(ordered, flows, strict=True) if flow}
    amount = sum(flow for (tail, _), flow in units.items() if tail == source) - sum(
        flow for (_, head), flow in units.items() if head == source
    )
    return Flow(amount, sum(arc.cost * units.get((arc.tail, arc.head), 0) for arc in ordered), units)


def _checked(arcs: Iterable[Arc], source: str, sink: str) -> list[Arc]:
    ordered = sorted(arcs, key=lambda arc: (arc.tail, arc.head))
    if source == sink:
        raise ValueError(f"sink: {sink!r} is the source too; name another node")
    for arc in ordered:
        if arc.capacity < 0 or arc.cost < 0:
            raise ValueError(f"arc {arc.tail!r} to {arc.head!r}: capacity and cost must not be negative")
    for before, after in pairwise(ordered):
        if (before.tail, before.head) == (after.tail, after.head):
            raise ValueError(f"arc {after.tail!r} to {after.head!r}: given twice; merge the two")
    return ordered


def _isolation_bits(highest: int, nodes: int, reach: int) -> int:
    """How many bits of perturbation fit: an optimal flow has no cycle, so no unit passes more than `nodes` arcs."""
    spare = _SAFE_BITS - (max(highest, 1) * reach * nodes * (nodes + 1)).bit_length()
    if spare < 0:
        raise ValueError(f"cost: {highest} is too large for {reach} units over {nodes} nodes; use a coarser unit")
    return min(spare, _ISOLATION_BITS)


def _perturbation(arc: Arc, bits: int) -> int:
    name = f"{len(arc.tail)}:{arc.tail}{arc.head}".encode()
    return int.from_bytes(hashlib.sha256(name).digest()[:8], "big") >> (64 - bits)


def _solve(arcs: list[Arc], costs: list[int], index: dict[str, int], ends: tuple[str, str], reach: int) -> list[int]:
    min_cost_flow = _solver()

    solver = min_cost_flow.SimpleMinCostFlow()
    for arc, cost in zip(arcs, costs, strict=True):
        solver.add_arc_with_capacity_and_unit_cost(index[arc.tail], index[arc.head], min(arc.capacity, reach), cost)
    solver.set_node_supply(index[ends[0]], reach)
    solver.set_node_supply(index[ends[1]], -reach)
    status = solver.solve_max_flow_with_min_cost()
    if status != solver.OPTIMAL:
        raise ValueError(f"arcs: the solver found no optimum ({status}); use smaller costs")
    return [int(solver.flow(arc)) for arc in range(len(arcs))]


def _solver() -> Any:
    """OR-tools, which takes a quarter of a second to import, paid by those who solve."""
    try:
        from ortools.graph.python import min_cost_flow
    except ModuleNotFoundError as error:
        raise NothingDone(f"OR-tools is not installed; {install_command('solvers')}") from error
    return min_cost_flow
