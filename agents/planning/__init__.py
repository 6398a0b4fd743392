"""Planning: bind a runbook or ask a model, then check what came of it."""

from agents.planning.assembly import make_plan
from agents.planning.checker import check, check_draft, ensure_quotable, ensure_sound
from agents.planning.errors import PersonNeeded, PlanningError, PlanRefused, RunbookDoesNotFit
from agents.planning.exchange import ExchangeLimits
from agents.planning.findings import Finding, PlanLimits
from agents.planning.model import ModelLimits, ModelPlanner, TokenPrices
from agents.planning.protocol import Draft, Planner, PlanningRequest, ToolCard, tool_cards
from agents.planning.provenance import trace
from agents.planning.runbook import bind

__all__ = [
    "Draft",
    "ExchangeLimits",
    "Finding",
    "ModelLimits",
    "ModelPlanner",
    "PersonNeeded",
    "PlanLimits",
    "PlanRefused",
    "Planner",
    "PlanningError",
    "PlanningRequest",
    "RunbookDoesNotFit",
    "TokenPrices",
    "ToolCard",
    "bind",
    "check",
    "check_draft",
    "ensure_quotable",
    "ensure_sound",
    "make_plan",
    "tool_cards",
    "trace",
]
