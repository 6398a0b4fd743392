"""What an executor applies, exactly once, and what came of it."""

from decimal import Decimal
from typing import Any, Literal

from pydantic import Field

from contracts.base import Contract, stable_id

Effect = Literal["keyed", "reconcilable", "opaque"]
OutcomeStatus = Literal["succeeded", "failed", "refused", "unknown"]


def command_id(incident_id: str, plan_version: int, ordinal: str, tool: str, arguments: dict[str, Any]) -> str:
    """hash(incident, plan version, ordinal in the persisted plan, tool, canonical arguments).

    `ordinal` is the task's number as text; a compensation's is its task's with a `c` behind it.
    """
    return stable_id("cmd", incident_id, plan_version, ordinal, tool, arguments)


class Command(Contract):
    """One tool call.

    `deadline` is in microseconds, `timeout_s` bounds the call itself, `value_ceiling` what it may touch. `authority` is
    what allows it: `approval:<request>` or `standing:<standing approval>`. `compensates` names the command it undoes.
    """

    id: str
    incident_id: str
    pack: str
    tenant: str
    plan_version: int
    ordinal: str
    tool: str
    arguments: dict[str, Any]
    deadline: int
    timeout_s: int = 600
    value_ceiling: Decimal
    authority: str
    compensates: str | None = None


class Outcome(Contract):
    """What came of a command.

    `failed`: the tool says that nothing was done. `refused`: a grant or a ceiling stopped it before the call.
    `unknown`: nobody can say whether the effect happened; a person has to look.
    """

    command_id: str
    incident_id: str
    status: OutcomeStatus
    result: dict[str, Any] = Field(default_factory=dict)
    error: str | None = None
