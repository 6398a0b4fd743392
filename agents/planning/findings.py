"""What the checker has to say against a plan, and the bounds that it holds plans to."""

from dataclasses import dataclass
from typing import Literal

Code = Literal[
    "other_request",
    "no_tasks",
    "too_many_tasks",
    "repeated_ordinal",
    "unknown_dependency",
    "forward_dependency",
    "unknown_tool",
    "wrong_arguments",
    "payload_argument",
    "untraceable_argument",
    "over_budget",
    "bad_cost",
    "deadline_passed",
    "bad_timeout",
    "too_slow",
    "unquoted",
    "bad_quote",
    "infeasible",
    "wrong_value_at_stake",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason against a plan. `ordinal` is the task's number, or None when the plan as a whole is meant."""

    code: Code
    ordinal: int | None
    message: str

    def __str__(self) -> str:
        where = "plan" if self.ordinal is None else f"task {self.ordinal}"
        return f"{where}: {self.message} [{self.code}]"


@dataclass(frozen=True, slots=True)
class PlanLimits:
    """Bounds on any plan: how many tasks it may have, and seconds that one task may be given."""

    max_tasks: int = 8
    max_timeout_s: int = 86_400
