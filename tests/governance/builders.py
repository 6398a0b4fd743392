"""Plans, standing approvals and requests for governance's tests."""

from decimal import Decimal
from typing import Any

from contracts import (
    ApprovalRequest,
    Autonomy,
    AutonomyRule,
    Command,
    Plan,
    StandingApproval,
    Task,
    TrackRecord,
)

NOW = 1_000_000
PERSON = "ada"


def plan(*tools: str, value: int = 100, template: str = "relieve@1") -> Plan:
    tasks = tuple(Task(ordinal=number, tool=tool) for number, tool in enumerate(tools or ("valve",), 1))
    return Plan(
        incident_id="inc-1", version=1, goal="g", lane="recall", template=template, reason="r", tasks=tasks,
        value_at_stake=Decimal(value), deadline=NOW + 1_000,
    )  # fmt: skip


def autonomy(*rules: tuple[str, str] | tuple[str, str, int], **changes: Any) -> Autonomy:
    """Rules as (tool, may) or (tool, may, up to)."""
    made = []
    for tool, may, *up_to in rules:
        values = {"tool": tool, "may": may, "up_to": up_to[0] if up_to else None}
        made.append(AutonomyRule.model_validate(values | changes))
    return Autonomy(rules=tuple(made))


def standing(**changes: Any) -> StandingApproval:
    values: dict[str, Any] = {
        "id": "sta-1",
        "pack": "plant",
        "tenant": "default",
        "template": "relieve@1",
        "value_ceiling": Decimal(500),
        "granted_by": PERSON,
        "granted_at": NOW - 10,
        "expires_at": NOW + 10,
        "because_of": "inc-0",
    }
    return StandingApproval.model_validate(values | changes)


def record(successes: int = 5, failures: int = 0) -> TrackRecord:
    return TrackRecord(template="relieve@1", successes=successes, failures=failures)


def request(**changes: Any) -> ApprovalRequest:
    values: dict[str, Any] = {
        "id": "req-1",
        "incident_id": "inc-1",
        "pack": "plant",
        "tenant": "acme",
        "plan_digest": "plan-1",
        "template": "relieve@1",
        "nonce": "nonce-1",
        "value_at_stake": Decimal(100),
        "value_ceiling": Decimal(150),
        "summary": "valve(to=open)",
        "reasons": (),
        "requested_at": NOW - 10,
        "expires_at": NOW + 10,
    }
    return ApprovalRequest.model_validate(values | changes)


def command(**changes: Any) -> Command:
    values: dict[str, Any] = {
        "id": "cmd-1",
        "incident_id": "inc-1",
        "pack": "plant",
        "tenant": "default",
        "plan_version": 1,
        "ordinal": "1",
        "tool": "valve",
        "arguments": {"to": "open"},
        "deadline": NOW + 1_000,
        "value_ceiling": Decimal(150),
        "authority": "approval:req-1",
    }
    return Command.model_validate(values | changes)
