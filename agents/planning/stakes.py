"""What a plan costs and touches: budget and quotes."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from agents.planning.findings import Finding
from agents.planning.protocol import PlanningRequest
from contracts import Plan, Task
from tools import Quote


def value_at_stake(tasks: Sequence[Task], quotes: Mapping[int, Quote]) -> Decimal:
    """The sum of the tasks' quotes; what is missing or not finite counts as nothing, and `check_stakes` refuses it."""
    quoted = (quotes[task.ordinal].value for task in tasks if task.ordinal in quotes)
    return sum((value for value in quoted if value.is_finite()), Decimal(0))


def check_stakes(plan: Plan, request: PlanningRequest, quotes: Mapping[int, Quote]) -> Iterator[Finding]:
    """Findings about costs against the budget, and about each task's quote; amounts are in the request's currency."""
    for task in plan.tasks:
        if task.cost < 0:
            problem = f"cost: {task.cost} {request.currency} must be at least 0; correct the task"
            yield Finding("bad_cost", task.ordinal, problem)
        yield from _quote(task.ordinal, quotes.get(task.ordinal), request.currency)
    cost = sum((max(task.cost, Decimal(0)) for task in plan.tasks), Decimal(0))
    if request.budget is not None and cost > request.budget:
        problem = f"cost: {cost} {request.currency} exceeds the budget of {request.budget}; drop tasks or ask for more"
        yield Finding("over_budget", None, problem)
    total = value_at_stake(plan.tasks, quotes)
    if total != plan.value_at_stake:
        problem = (
            f"value_at_stake: {plan.value_at_stake} is not the sum of the quotes, {total}; make the plan from them"
        )
        yield Finding("wrong_value_at_stake", None, problem)


def _quote(ordinal: int, quote: Quote | None, currency: str) -> Iterator[Finding]:
    if quote is None:
        yield Finding("unquoted", ordinal, "quote: none; ask the tool what the call would touch before gating")
        return
    if not quote.value.is_finite() or quote.value < 0:
        problem = f"quote: {quote.value} {currency} must be a finite amount of at least 0; correct the tool's quote"
        yield Finding("bad_quote", ordinal, problem)
    if not quote.feasible:
        problem = f"quote: the tool says it cannot be done ({quote.reason or 'no reason given'}); choose another way"
        yield Finding("infeasible", ordinal, problem)
