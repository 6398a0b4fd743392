"""Recordings and worlds to judge by: virtual time, the world driver, a played operator, faults, quality worlds."""

from evals.faults import CountingLedger, Crash, CrashingLedger, ForgetfulClaims
from evals.operator import Habits, Operator
from evals.scenario import Scenario, ScoredWorld, Trouble, Variant
from evals.virtual_clock import VirtualClock
from evals.world_driver import World, WorldDriver

__all__ = [
    "CountingLedger",
    "Crash",
    "CrashingLedger",
    "ForgetfulClaims",
    "Habits",
    "Operator",
    "Scenario",
    "ScoredWorld",
    "Trouble",
    "Variant",
    "VirtualClock",
    "World",
    "WorldDriver",
]
