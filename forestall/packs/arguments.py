"""Do a runbook's arguments fit the tool that they are for, as far as constants allow?"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator

from contracts import Binding, Runbook
from forestall.packs.mistakes import Location, Mistake, nearest
from forestall.packs.source import Source
from tools import Catalogue

_PARAMETER = re.compile(r"\$([a-z][a-z0-9_]*)")
ACCEPTED_AS: Mapping[str, frozenset[str]] = {
    "string": frozenset({"string"}),
    "integer": frozenset({"integer", "number"}),
    "number": frozenset({"number"}),
    "boolean": frozenset({"boolean"}),
}
"""The types of arguments that a value of a type is taken for."""
_PYTHON: Mapping[str, tuple[type, ...]] = {"string": (str,), "integer": (int,), "number": (int, float)}


def texts_with_dollar(value: object) -> Iterator[str]:
    """Every text with a `$` in an argument, at any depth of it: a parameter stands alone there, as `$name`."""
    if isinstance(value, str) and "$" in value:
        yield value
    elif isinstance(value, dict):
        yield from (text for item in value.values() for text in texts_with_dollar(item))
    elif isinstance(value, list):
        yield from (text for item in value for text in texts_with_dollar(item))


def check_calls(source: Source, runbook: Runbook, catalogue: Catalogue) -> Iterator[Mistake]:
    """Every call of a runbook, compensations included, against the catalogue."""
    used: set[str] = set()
    for place, task in enumerate(runbook.tasks):
        at: Location = ("tasks", place)
        calls = [(at, task.tool, task.arguments)]
        if task.compensation is not None:
            calls.append(((*at, "compensation"), task.compensation.tool, task.compensation.arguments))
        for where, tool, arguments in calls:
            used |= {text[1:] for text in texts_with_dollar(arguments)}
            if tool in catalogue:
                schema = catalogue.get(tool).schema
                yield from _check_arguments(source, where, tool, arguments, schema, runbook.parameters)
            else:
                names = [each.name for each in catalogue]
                yield source.mistake((*where, "tool"), f"no such tool; {nearest(tool, names)}", tool)
    for name in sorted(set(runbook.parameters) - used):
        yield source.mistake(("parameters", name), f"no argument uses it; write ${name} in one or remove it")


def _check_arguments(
    source: Source,
    at: Location,
    tool: str,
    arguments: Mapping[str, Any],
    schema: Mapping[str, Any],
    parameters: Mapping[str, Binding],
) -> Iterator[Mistake]:
    known = schema.get("properties", {})
    for name, value in arguments.items():
        where = (*at, "arguments", name)
        texts = list(texts_with_dollar(value))
        wrong = [text for text in texts if text[1:] not in parameters]
        for text in wrong:
            rule = f"{text} is not declared; {nearest(text[1:], parameters)}"
            if not _PARAMETER.fullmatch(text):
                rule = "a parameter must be the whole value; write $name alone, or a text without $"
            yield source.mistake(where, rule, value)
        if name not in known:
            yield source.mistake(where, f"{tool} takes no such argument; {nearest(name, known)}")
        elif not wrong and (not texts or isinstance(value, str)):
            part = {**known[name], "$defs": schema.get("$defs", {})}
            yield from _check_value(source, where, value, part, parameters.get(value[1:]) if texts else None)
    for name in schema.get("required", ()):
        if name not in arguments:
            yield source.mistake((*at, "arguments", name), f"missing; {tool} requires it")


def _check_value(
    source: Source, where: Location, value: Any, schema: Mapping[str, Any], binding: Binding | None
) -> Iterator[Mistake]:
    """A constant against the schema; a parameter that the incident fills by its declared type."""
    if binding is not None and binding.source is not None:
        wanted = schema.get("type")
        if isinstance(wanted, str) and wanted not in ACCEPTED_AS[binding.type]:
            rule = f"{value} is a {binding.type}, the tool takes a {wanted}; change the parameter's type"
            yield source.mistake(where, rule)
        return
    constant = value if binding is None else binding.value
    for error in Draft202012Validator(schema).iter_errors(constant):
        yield source.mistake(where, f"{error.message[:200]}; see the tool's signature")


def check_bindings(
    source: Source, runbook: Runbook, dimensions: tuple[str, ...], fields: set[str]
) -> Iterator[Mistake]:
    """Where each parameter comes from: a dimension of the measure, a field of the signal, or a constant."""
    for name, binding in runbook.parameters.items():
        at: Location = ("parameters", name)
        if binding.source is None:
            accepted = _PYTHON[binding.type]
            if not isinstance(binding.value, accepted) or isinstance(binding.value, bool):
                yield source.mistake(
                    (*at, "value"), f"must be of type {binding.type}; change one of them", binding.value
                )
            continue
        origin, _, field = binding.source.partition(".")
        known = dimensions if origin == "explanation" else fields
        if field not in known:
            what = "dimension of the measure" if origin == "explanation" else "field of a signal"
            yield source.mistake((*at, "from"), f"no such {what}; {nearest(field, known)}", binding.source)
