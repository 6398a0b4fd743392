"""Where the value of an argument comes from, found by us and never taken from the planner's word."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from agents.planning.protocol import PlanningRequest
from contracts import Argument, Source

_Schema = dict[str, Any]
_Origin = tuple[Source, str]

_LEAST_TRUSTED_LAST: tuple[Source, ...] = ("catalogue", "signal", "explanation", "model", "payload")
_MAX_DEPTH = 16


def trace(name: str, value: Any, schema: _Schema, request: PlanningRequest) -> Argument:
    """The argument with its source, which for a list or an object is that of its least trusted part.

    `catalogue`: the tool's `schema` declares the value (an enum, a constant, a default, an example, or a number within
    declared bounds on both sides), or the value has no room for words (true, false, null). `explanation`: a cause
    names it; `ref` is the dimension, and an argument called like a dimension takes no other's value. `signal`: a field
    of the signal holds it. `payload`: it occurs in text out of events and nowhere else. `model`: it comes from nowhere.
    Values are compared whole; keys of free objects count as values.
    """
    declared = schema.get("properties", {}).get(name)
    schemas = [] if declared is None else [declared]
    origins = list(_origins(value, schemas, schema.get("$defs", {}), _Facts(request, name), _MAX_DEPTH))
    source, ref = max(origins, key=lambda origin: _LEAST_TRUSTED_LAST.index(origin[0]), default=("catalogue", name))
    return Argument(value=value, source=source, ref=ref)


class _Facts:
    """What the incident vouches for in one argument, by its text."""

    def __init__(self, request: PlanningRequest, name: str) -> None:
        self._known: dict[str, _Origin] = {}
        named = [attribute for cause in request.explanation.causes for attribute in cause.attributes]
        own = [attribute for attribute in named if attribute.dimension == name]
        for attribute in own or named:
            self._known.setdefault(attribute.value, ("explanation", attribute.dimension))
        for field, value in request.signal:
            if value is not None:
                self._known.setdefault(_text(value), ("signal", field))
        self._excerpts = request.excerpts

    def origin(self, value: object) -> _Origin:
        text = _text(value)
        if text in self._known:
            return self._known[text]
        for number, excerpt in enumerate(self._excerpts, 1):
            if text and text in excerpt:
                return ("payload", f"excerpt {number}")
        return ("model", "untraceable")


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _origins(value: Any, schemas: Sequence[_Schema], defs: _Schema, facts: _Facts, depth: int) -> Iterator[_Origin]:
    known = list(_alternatives(schemas, defs, depth))
    if value is None or isinstance(value, bool) or any(_declares(schema, value) for schema in known):
        yield ("catalogue", "schema")
    elif depth == 0:
        yield ("model", "nested too deeply")
    elif isinstance(value, dict):
        for key, item in value.items():
            below = [schema["properties"][key] for schema in known if key in schema.get("properties", {})]
            if not below:
                yield facts.origin(key)
                below = [rest for schema in known if isinstance(rest := schema.get("additionalProperties"), dict)]
            yield from _origins(item, below, defs, facts, depth - 1)
    elif isinstance(value, list | tuple):
        items = [schema["items"] for schema in known if isinstance(schema.get("items"), dict)]
        for item in value:
            yield from _origins(item, items, defs, facts, depth - 1)
    else:
        yield facts.origin(value)


def _alternatives(schemas: Iterable[_Schema], defs: _Schema, depth: int) -> Iterator[_Schema]:
    """The schemas themselves, and what they refer to or offer as alternatives."""
    for schema in schemas:
        yield schema
        if depth:
            target = defs.get(str(schema.get("$ref", "")).removeprefix("#/$defs/"))
            further = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]
            yield from _alternatives([*([target] if target else []), *further], defs, depth - 1)


def _declares(schema: _Schema, value: Any) -> bool:
    offered = [*schema.get("enum", ()), *schema.get("examples", ())]
    offered += [schema[word] for word in ("const", "default") if word in schema]
    if any(type(each) is type(value) and each == value for each in offered):
        return True
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    return low is not None and high is not None and low <= value <= high
