"""Solvers: deterministic, single-threaded, with a canonical choice among equal optima."""

from tools.solvers.flow import Arc, Flow, max_flow_min_cost
from tools.solvers.fulfilment import Assignment, FulfilmentOrder, Option, assign_orders

__all__ = ["Arc", "Assignment", "Flow", "FulfilmentOrder", "Option", "assign_orders", "max_flow_min_cost"]
