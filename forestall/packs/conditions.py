"""Can a test of `where` or `keep` ever pass, as far as the types of the fields are known?"""

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from referencing.exceptions import Unresolvable

from contracts import PackManifest, StreamSpec, Where
from forestall.packs.mistakes import Location, Mistake, nearest
from forestall.packs.source import Source

Schema = Mapping[str, Any]
Known = list[tuple[str, Schema]]
"""Event types, each with the JSON Schema of its data."""


def check_conditions(source: Source, manifest: PackManifest) -> Iterator[Mistake]:
    """Values that no event can have: a measure would stay empty and a reflex would never act, without a word."""
    types: Known = [(each.type, each.data) for stream in manifest.streams for each in _declared(stream)]
    for place, stream in enumerate(manifest.streams):
        yield from _check(source, ("streams", place, "keep"), stream.keep, _before_steps(stream))
    for place, measure in enumerate(manifest.measures):
        counted = [each for each in types if each[0] in measure.of]
        yield from _check(source, ("measures", place, "where"), measure.where, counted)
    for place, reflex in enumerate(manifest.reflexes):
        heeded = [each for each in types if each[0] in reflex.of]
        yield from _check(source, ("reflexes", place, "where"), reflex.where, heeded)


def values_of(test: Where) -> Iterator[tuple[Location, Any]]:
    """The values that a test looks for, each with its place; a prefix is no value."""
    if test.equals is not None:
        yield ("equals",), test.equals
    for place, value in enumerate(test.one_of or ()):
        if value is not None:
            yield ("one_of", place), value


def _declared(stream: StreamSpec) -> Iterator[Any]:
    """As events are counted: what a step puts into a field may be of another type than what came."""
    added = {name for step in stream.enrich for name in step.adds}
    for each in stream.types:
        properties = each.data.get("properties")
        if isinstance(properties, dict) and added and stream.mapping is None:
            left = {name: schema for name, schema in properties.items() if name not in added}
            yield each.model_copy(update={"data": {**each.data, "properties": left}})
        else:
            yield each


def _before_steps(stream: StreamSpec) -> Known:
    if stream.mapping is not None:
        return [(name, stream.mapping.schema_of_data()) for name in stream.mapping.type.names]
    return [(each.type, each.data) for each in stream.types]


def _check(source: Source, at: Location, tests: tuple[Where, ...], types: Known) -> Iterator[Mistake]:
    for number, test in enumerate(tests):
        found = [(name, _field(data, test.field)) for name, data in types]
        known = [(name, schema) for name, schema in found if schema is not None]
        if not known or len(known) < len(found):
            continue  # of a type that leaves the field open, anything may come
        for where, value in [*values_of(test), *([(("prefix",), test.prefix)] if test.prefix is not None else [])]:
            if not any(_may_be(value, schema, prefix=where == ("prefix",)) for _, schema in known):
                rule = f"{test.field} {_said(*known[0], value)}"
                yield source.mistake((*at, number, *where), rule, value)


def _field(data: Schema, name: str) -> Schema | None:
    properties = data.get("properties")
    found = properties.get(name) if isinstance(properties, dict) else None
    return {**found, "$defs": data.get("$defs", {})} if isinstance(found, dict) else None


def _may_be(value: Any, schema: Schema, *, prefix: bool) -> bool:
    if prefix:
        kind = schema.get("type", "string")
        return "string" in ([kind] if isinstance(kind, str) else kind)
    try:
        Draft202012Validator.check_schema(schema)
        return Draft202012Validator(schema).is_valid(value)
    except (SchemaError, Unresolvable):
        return True  # another check tells it


def _said(event_type: str, schema: Schema, value: Any) -> str:
    kind = schema.get("type")
    if "const" in schema:
        return f"is always {schema['const']!r} in {event_type!r}; correct the value"
    if isinstance(schema.get("enum"), list):
        return f"is never this in {event_type!r}; {nearest(value, map(str, schema['enum']))}"
    if kind == "string" and not isinstance(value, str):
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return f'is a text in {event_type!r}; write it in quotes, such as "{text}"'
    if isinstance(kind, str):
        return f"is of type {kind} in {event_type!r}, and this is none; correct the one or the other"
    return f"is never this in {event_type!r}; see its schema"
