"""Is this plan sound? Pure: the plan, the request, the catalogue and the quotes decide."""

from collections.abc import Iterator, Mapping

from agents.planning.calls import check_calls
from agents.planning.errors import PlanRefused
from agents.planning.findings import Finding, PlanLimits
from agents.planning.protocol import Draft, PlanningRequest
from agents.planning.schedule import check_schedule
from agents.planning.stakes import check_stakes
from contracts import Plan
from tools import Catalogue, Quote


def check_draft(
    draft: Draft, request: PlanningRequest, catalogue: Catalogue, limits: PlanLimits | None = None
) -> tuple[Finding, ...]:
    """What stands against a draft before any tool is asked for a quote: its schedule and its calls."""
    bounds = limits or PlanLimits()
    schedule = check_schedule(draft.tasks, request.now, request.deadline, bounds)
    return (*schedule, *check_calls(draft.tasks, draft.lane, request, catalogue))


def check(
    plan: Plan,
    request: PlanningRequest,
    catalogue: Catalogue,
    quotes: Mapping[int, Quote],
    limits: PlanLimits | None = None,
) -> tuple[Finding, ...]:
    """Everything that stands against the plan; nothing when it is sound. `quotes` are by ordinal."""
    return tuple(_findings(plan, request, catalogue, quotes, limits or PlanLimits()))


def ensure_quotable(
    draft: Draft, request: PlanningRequest, catalogue: Catalogue, limits: PlanLimits | None = None
) -> Draft:
    """The draft itself, when its tools may be asked for quotes.

    Raises:
        PlanRefused: carries the findings.
    """
    if findings := check_draft(draft, request, catalogue, limits):
        raise PlanRefused(findings)
    return draft


def ensure_sound(
    plan: Plan,
    request: PlanningRequest,
    catalogue: Catalogue,
    quotes: Mapping[int, Quote],
    limits: PlanLimits | None = None,
) -> Plan:
    """The plan itself, when nothing stands against it.

    Raises:
        PlanRefused: carries the findings.
    """
    if findings := check(plan, request, catalogue, quotes, limits):
        raise PlanRefused(findings)
    return plan


def _findings(
    plan: Plan, request: PlanningRequest, catalogue: Catalogue, quotes: Mapping[int, Quote], limits: PlanLimits
) -> Iterator[Finding]:
    asked = (request.incident_id, request.plan_version, request.deadline)
    if asked != (plan.incident_id, plan.version, plan.deadline):
        problem = f"incident_id, version, deadline: the plan does not answer the request {asked}; make it from that"
        yield Finding("other_request", None, problem)
    yield from check_schedule(plan.tasks, request.now, plan.deadline, limits)
    yield from check_calls(plan.tasks, plan.lane, request, catalogue)
    yield from check_stakes(plan, request, quotes)
