"""The form in which a model must answer, and reading what it answered."""

import json
from collections.abc import Sequence
from typing import Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.planning.protocol import ToolCard
from contracts import Risk, canonical

FUNCTION = "propose_plan"


class ProposedTask(BaseModel):
    """One call of one tool."""

    model_config = ConfigDict(extra="forbid", strict=True)

    tool: str = Field(description="name of a tool in the block `tools`")
    arguments: dict[str, Any] = Field(description="arguments after the tool's schema")
    reason: str = Field(description="why this task, in one sentence")
    risk: Risk


class ProposedPlan(BaseModel):
    """Propose a plan for the incident. No tasks means: a person should take over."""

    model_config = ConfigDict(extra="forbid", strict=True)

    tasks: list[ProposedTask]
    rationale: str = Field(description="why this plan, in at most five sentences")
    confidence: float = Field(ge=0, le=1)


def answer_function(tools: Sequence[ToolCard], max_tasks: int) -> dict[str, Any]:
    """The one function that the model may call, as OpenAI's wire wants it, with the tools' names as the only ones."""
    schema = ProposedPlan.model_json_schema()
    schema["properties"]["tasks"]["maxItems"] = max_tasks
    schema["$defs"]["ProposedTask"]["properties"]["tool"]["enum"] = [tool.name for tool in tools]
    description = schema.pop("description")
    return {"type": "function", "function": {"name": FUNCTION, "description": description, "parameters": schema}}


def parse_answer(text: str) -> ProposedPlan:
    """Read and validate an answer ourselves: no endpoint is trusted to have kept to the schema.

    Raises:
        ValueError: it is not JSON, not of the schema, or holds values that JSON cannot say (NaN, infinities).
    """
    try:
        raw = json.loads(text, parse_constant=_refuse_constant)
        canonical(raw)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is not sound JSON ({type(error).__name__})") from None
    try:
        return ProposedPlan.model_validate(raw)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in problem["loc"]) or "answer"
        raise ValueError(f"has the wrong form: {where[:80]}: {problem['msg'][:160]}") from None


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(word)
