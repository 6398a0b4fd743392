"""A draft and its quotes make a plan."""

from collections.abc import Mapping

from agents.planning.protocol import Draft, PlanningRequest
from agents.planning.stakes import value_at_stake
from contracts import Plan
from tools import Quote


def make_plan(request: PlanningRequest, draft: Draft, quotes: Mapping[int, Quote]) -> Plan:
    """The plan of a draft; `quotes` are by ordinal, and their sum is at stake.

    The sum, not the highest: it never says too little, and a plan cannot slip under a ceiling by being cut into small
    tasks. Where two tasks touch the same goods it says too much, and then a person is asked once more than needed. A
    compensation adds nothing: it gives back what its task touched. A task without a quote counts as nothing here;
    `check` refuses the plan for it.
    """
    return Plan(
        incident_id=request.incident_id,
        version=request.plan_version,
        goal=request.goal,
        lane=draft.lane,
        template=draft.template,
        reason=draft.reason,
        tasks=draft.tasks,
        value_at_stake=value_at_stake(draft.tasks, quotes),
        deadline=request.deadline,
    )
