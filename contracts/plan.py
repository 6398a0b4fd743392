"""What the planner hands to the executor."""

from decimal import Decimal
from typing import Any, Literal

from pydantic import Field

from contracts.base import Contract, digest

Risk = Literal["low", "medium", "high"]
Lane = Literal["reflex", "recall", "deliberate"]
Source = Literal["runbook", "explanation", "signal", "model", "operator", "catalogue", "payload"]


class Argument(Contract):
    """A value and where it came from: `source` and a `ref` such as `warehouse` or `reroute_orders@1`."""

    value: Any
    source: Source
    ref: str


class Compensation(Contract):
    """The command that undoes a task."""

    tool: str
    arguments: dict[str, Argument] = Field(default_factory=dict)


class Task(Contract):
    """One step. `cost` is in the pack's currency, `timeout_s` in seconds; `depends_on` holds ordinals."""

    ordinal: int
    tool: str
    arguments: dict[str, Argument] = Field(default_factory=dict)
    cost: Decimal = Decimal(0)
    risk: Risk = "medium"
    timeout_s: int = 600
    depends_on: tuple[int, ...] = ()
    compensation: Compensation | None = None


class Plan(Contract):
    """Typed tasks towards a goal. Frozen once gated: a change is a new `version` with a `reason`.

    `template` names what it was made from (`runbook@version` or `prompt@version`): evidence and standing approvals
    hold for a template. `value_at_stake` is what the plan may touch, `deadline` is in microseconds.
    """

    incident_id: str
    version: int
    goal: str
    lane: Lane
    template: str
    reason: str
    tasks: tuple[Task, ...]
    value_at_stake: Decimal
    deadline: int

    @property
    def digest(self) -> str:
        """What an approval is bound to."""
        return digest(self.to_json())
