"""Is this plan sound? Pure: the plan, the request, the catalogue and the quotes decide."""

from collections.abc import Iterator, Mapping

from agents.planning.errors import PlanRefused
from agents.planning.findings import Finding, PlanLimits
from agents.planning.protocol import PlanningRequest
from agents.planning.provenance import trace
from agents.planning.schedule import check_schedule
from agents.planning.stakes import check_stakes
from contracts import Argument, Plan
from tools import Catalogue, Quote, RefuseCommand


def check(
    plan: Plan,
    request: PlanningRequest,
    catalogue: Catalogue,
    quotes: Mapping[int, Quote],
    limits: PlanLimits | None = None,
) -> tuple[Finding, ...]:
    """Everything that stands against the plan; nothing when it is sound. `quotes` are by ordinal.

    Of a plan in the deliberate lane every argument is traced anew (see `trace`): a value that only event payloads
    hold, or that comes from nowhere, is refused whatever source the planner claims for it. Other lanes take their
    arguments from the pack's author, so only a source that admits it is refused there.
    """
    return tuple(_findings(plan, request, catalogue, quotes, limits or PlanLimits()))


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
    yield from check_schedule(plan, request.now, limits)
    for task in plan.tasks:
        yield from _call(task.ordinal, task.tool, task.arguments, "", plan, request, catalogue)
        if task.compensation is not None:
            undo = task.compensation
            yield from _call(task.ordinal, undo.tool, undo.arguments, "compensation.", plan, request, catalogue)
    yield from check_stakes(plan, request, quotes)


def _call(
    ordinal: int,
    tool: str,
    arguments: Mapping[str, Argument],
    field: str,
    plan: Plan,
    request: PlanningRequest,
    catalogue: Catalogue,
) -> Iterator[Finding]:
    if tool not in catalogue:
        known = ", ".join(each.name for each in catalogue)
        yield Finding("unknown_tool", ordinal, f"{field}tool: {tool!r} is not in the catalogue; known: {known}")
        return
    found = catalogue.get(tool)
    try:
        found.validate({name: argument.value for name, argument in arguments.items()})
    except RefuseCommand as error:
        yield Finding("wrong_arguments", ordinal, f"{field}arguments: {error}; follow the tool's schema")
    schema = found.schema
    for name, claimed in arguments.items():
        traced = claimed
        if plan.lane == "deliberate" and claimed.source != "operator":
            traced = trace(name, claimed.value, schema, request)
        where = f"{field}arguments.{name}: {claimed.value!r}"
        if traced.source == "payload":
            rule = f"occurs only in text out of events ({traced.ref}), which may not fill an argument"
            yield Finding("payload_argument", ordinal, f"{where} {rule}; use what the explanation or the signal names")
        elif traced.source == "model":
            rule = "comes from neither the explanation, the signal nor the tool's schema"
            yield Finding("untraceable_argument", ordinal, f"{where} {rule}; use one of these, or ask a person")
