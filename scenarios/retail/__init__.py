"""The retail pack: a shop in virtual time, its sinks, tools and runbook."""

from scenarios.retail.causes import Trouble, troubles
from scenarios.retail.controls import run_delayed, run_off, run_oracle
from scenarios.retail.effects import EffectRecord
from scenarios.retail.errors import OtherWorld, WorldEnded, WorldError
from scenarios.retail.report import WorldReport
from scenarios.retail.settings import TICK, WorldSettings
from scenarios.retail.world import RetailWorld

__all__ = [
    "TICK",
    "EffectRecord",
    "OtherWorld",
    "RetailWorld",
    "Trouble",
    "WorldEnded",
    "WorldError",
    "WorldReport",
    "WorldSettings",
    "run_delayed",
    "run_off",
    "run_oracle",
    "troubles",
]
