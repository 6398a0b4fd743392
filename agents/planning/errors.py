"""What can go wrong while planning, by the reaction wanted.

PlanningError
├── RunbookDoesNotFit   try the next runbook, or the deliberate lane
├── PlanRefused         do not gate this plan; `findings` say why
└── PersonNeeded        no plan came about; hand the incident to a person with the reason
"""

from collections.abc import Sequence

from agents.planning.findings import Finding
from contracts import ModelUse


class PlanningError(Exception):
    """No plan came about."""


class RunbookDoesNotFit(PlanningError):
    """A runbook cannot be bound to this incident. `field` names the parameter, argument or task that is at fault."""

    def __init__(self, template: str, field: str, problem: str) -> None:
        super().__init__(f"{template}: {field}: {problem}")
        self.template = template
        self.field = field


class PlanRefused(PlanningError):
    """The checker found something against the plan."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("; ".join(str(finding) for finding in findings))
        self.findings = tuple(findings)


class PersonNeeded(PlanningError):
    """The model could not produce a plan. `use` holds what was asked and whatever came back, if anything was asked."""

    def __init__(self, reason: str, use: ModelUse | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.use = use
