"""One small shop: an incident in one warehouse, and the tools against it."""
# ruff: noqa: ARG001 (a tool's signature is what planning reads; these do nothing)

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any, Literal

import pytest

from agents.planning import PlanningRequest, tool_cards
from contracts import HOUR, Attribute, Cause, Explanation, Signal, Situation
from tools import Catalogue, Result, ToolContext, tool

Ask = Callable[..., PlanningRequest]
NOW = 1_700_000_000_000_000


@tool(effect="keyed", risk="high")
async def reroute_orders(
    context: ToolContext, warehouse: str, mode: Literal["all", "open"] = "open", limit: int = 10
) -> Result:
    """Serve the open orders of one warehouse from others."""
    return {}


@tool(effect="keyed", risk="low")
async def switch_carrier(context: ToolContext, carrier: str, to_carrier: Literal["Alder", "Birch"] = "Alder") -> Result:
    """Hand parcels to another carrier."""
    return {}


@tool(effect="keyed", risk="low")
async def send_notice(context: ToolContext, addresses: list[str], labels: dict[str, str] | None = None) -> Result:
    """Write to people."""
    return {}


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return Catalogue([reroute_orders, switch_carrier, send_notice])


def make_request(catalogue: Catalogue, **changes: Any) -> PlanningRequest:
    signal = Signal(
        id="sig-1", tenant="default", pack="retail", detector="late", measure="late_orders", key="all",
        pattern="spike", onset=NOW - HOUR, noticed_at=NOW, observed=42.0, expected=7.5, score=9.25,
    )  # fmt: skip
    causes = (
        Cause(
            attributes=(Attribute(dimension="warehouse", value="WH-7"), Attribute(dimension="carrier", value="Cedar")),
            window_units=40, expected_units=5.0, excess_share=0.9, lift=8.0, p_value=0.001,
        ),
        Cause(
            attributes=(Attribute(dimension="shelf", value="12"),),
            window_units=9, expected_units=3.0, excess_share=0.2, lift=3.0, p_value=0.01,
        ),
    )  # fmt: skip
    explanation = Explanation(verdict="attributed", excess=34.5, tested=12, causes=causes, summary="WH-7 with Cedar")
    situation = Situation(
        pack="retail", detector="late", measure="late_orders", key="all", pattern="spike", severity=9.25,
        verdict="attributed", attributes={"warehouse": "WH-7", "carrier": "Cedar"}, text="late orders in WH-7",
    )  # fmt: skip
    fields: dict[str, Any] = {
        "incident_id": "inc-1", "plan_version": 1, "pack": "retail", "goal": "late orders back to normal",
        "situation": situation, "explanation": explanation, "signal": signal, "tools": tool_cards(catalogue),
        "currency": "GBP", "deadline": NOW + 4 * HOUR, "now": NOW, "budget": Decimal(100),
    }  # fmt: skip
    return PlanningRequest(**(fields | changes))


@pytest.fixture(scope="session")
def ask(catalogue: Catalogue) -> Ask:
    """Makes the incident's request, with some fields changed."""
    return partial(make_request, catalogue)
