"""Binding: a runbook and an incident make a draft, without a model."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from agents.planning.errors import RunbookDoesNotFit
from agents.planning.protocol import Draft, PlanningRequest, highest_risk
from contracts import SECOND, Argument, Binding, Compensation, Lane, Runbook, RunbookTask, Signal, Source, Task

_PARAMETER = re.compile(r"\$([a-z][a-z0-9_]*)")
_TRUST: tuple[Source, ...] = ("runbook", "signal", "explanation")
"""The pack's author vouches for a constant, a detector for a signal; an explanation repeats what events said."""


@dataclass(frozen=True, slots=True)
class _Bound:
    value: Any
    source: Source
    ref: str


def bind(runbook: Runbook, request: PlanningRequest, *, lane: Lane = "recall") -> Draft:
    """Fill the runbook's parameters from the incident and put them into its tasks.

    `$name` stands for a parameter where it is the whole value of an argument, at any depth of it. Task ordinals and
    `depends_on` count from 1, in the runbook's order. A task is never less risky than the tool that it calls.

    Raises:
        RunbookDoesNotFit: a parameter has no value here or one of another type, an argument names no parameter, or a
            task depends on one that does not come before it.
    """
    parameters = {name: _parameter(runbook, name, binding, request) for name, binding in runbook.parameters.items()}
    tasks = tuple(
        _task(runbook, ordinal, template, parameters, request) for ordinal, template in enumerate(runbook.tasks, 1)
    )
    filled = ", ".join(f"{name}={bound.value}" for name, bound in sorted(parameters.items()))
    reason = f"runbook {runbook.template}: {runbook.title}" + (f" ({filled})" if filled else "")
    return Draft(tasks=tasks, lane=lane, template=runbook.template, reason=reason)


def _parameter(runbook: Runbook, name: str, binding: Binding, request: PlanningRequest) -> _Bound:
    field = f"parameters.{name}"
    if binding.source is None:
        return _Bound(_typed(runbook, field, binding, binding.value), "runbook", runbook.template)
    origin, _, key = binding.source.partition(".")
    if origin == "explanation":
        value = request.explanation.value_of(key)
        if value is None:
            raise RunbookDoesNotFit(runbook.template, field, f"the explanation names no {key}; it needs one")
        return _Bound(_typed(runbook, field, binding, value), "explanation", key)
    if key not in Signal.model_fields:
        known = ", ".join(sorted(Signal.model_fields))
        raise RunbookDoesNotFit(runbook.template, field, f"from: {binding.source!r}: a signal has only {known}")
    value = getattr(request.signal, key)
    if value is None:
        raise RunbookDoesNotFit(runbook.template, field, f"the signal has no {key}; it needs one")
    return _Bound(_typed(runbook, field, binding, value), "signal", key)


def _typed(runbook: Runbook, field: str, binding: Binding, value: Any) -> str | int | float:
    problem = f"{value!r} is not a finite {binding.type}; correct `type` or `from`"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RunbookDoesNotFit(runbook.template, field, problem)
    try:
        if binding.type == "string":
            return str(value)
        number = int(value) if isinstance(value, str) and binding.type == "integer" else float(value)
        if not isfinite(number) or (binding.type == "integer" and number != int(number)):
            raise ValueError(value)
    except (ValueError, OverflowError):
        raise RunbookDoesNotFit(runbook.template, field, problem) from None
    if binding.type == "integer":
        return value if isinstance(value, int) else int(number)
    return number


def _task(
    runbook: Runbook, ordinal: int, template: RunbookTask, parameters: Mapping[str, _Bound], request: PlanningRequest
) -> Task:
    field = f"tasks.{ordinal}"
    for dependency in template.depends_on:
        if not 1 <= dependency < ordinal:
            problem = f"{dependency} is no earlier task; the first task is 1, and this one is {ordinal}"
            raise RunbookDoesNotFit(runbook.template, f"{field}.depends_on", problem)
    card = request.card(template.tool)
    undo = template.compensation
    return Task(
        ordinal=ordinal,
        tool=template.tool,
        arguments=_arguments(runbook, f"{field}.arguments", template.arguments, parameters),
        cost=template.cost,
        risk=highest_risk([template.risk] if card is None else [template.risk, card.risk]),
        timeout_s=-(-template.timeout // SECOND),
        depends_on=template.depends_on,
        compensation=None
        if undo is None
        else Compensation(
            tool=undo.tool,
            arguments=_arguments(runbook, f"{field}.compensation.arguments", undo.arguments, parameters),
        ),
    )


def _arguments(
    runbook: Runbook, field: str, arguments: Mapping[str, Any], parameters: Mapping[str, _Bound]
) -> dict[str, Argument]:
    return {name: _argument(runbook, f"{field}.{name}", template, parameters) for name, template in arguments.items()}


def _argument(runbook: Runbook, field: str, template: Any, parameters: Mapping[str, _Bound]) -> Argument:
    used: list[_Bound] = []

    def fill(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: fill(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [fill(item) for item in value]
        if not isinstance(value, str) or "$" not in value:
            return value
        name = _PARAMETER.fullmatch(value)
        if name is None:
            problem = f"{value!r}: a parameter must be the whole value; write $name alone, or a text without $"
            raise RunbookDoesNotFit(runbook.template, field, problem)
        if name[1] not in parameters:
            problem = f"{value!r} names no parameter; declared: {', '.join(sorted(parameters)) or 'none'}"
            raise RunbookDoesNotFit(runbook.template, field, problem)
        used.append(parameters[name[1]])
        return used[-1].value

    value = fill(template)
    if not used:
        return Argument(value=value, source="runbook", ref=runbook.template)
    source = max((bound.source for bound in used), key=_TRUST.index)
    return Argument(value=value, source=source, ref=", ".join(_refs(used)))


def _refs(used: list[_Bound]) -> Iterator[str]:
    yield from dict.fromkeys(bound.ref for bound in used)
