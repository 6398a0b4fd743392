"""Do a stream's mapping, steps and types agree? Read from the data itself, as the other names are."""

import re
from collections.abc import Iterator
from typing import Any

from forestall.packs.mistakes import Location, Mistake, nearest
from forestall.packs.source import Item, Source, items, texts

MAPPED = "x-mapped"
"""Marks the schema of a field that a mapping makes: its type is what comes out, not only what is asked for."""


def declared_types(source: Source) -> list[tuple[Item, Location]]:
    """Every event type with its stream's location: the declared ones, else those that follow from the mapping."""
    found: list[tuple[Item, Location]] = []
    for at, stream in items(source, "streams"):
        made = _made(stream)
        declared = list(items(source, *at, "types"))
        if not declared and made is not None:
            at_mapping = (*at, "mapping")
            data = {"properties": made}
            declared = [(at_mapping, {"type": name, "data": data}) for name in dict(_yields(at, stream))]
        found += [(item, at) for item in declared]
    return found


def check_streams(source: Source) -> Iterator[Mistake]:
    """Topics read twice, steps on fields that are not there, types that the mapping does not fit."""
    streams = list(items(source, "streams"))
    for name in ("topic", "topics"):
        yield from doubled(source, streams, name)
    for at, stream in streams:
        yield from _overlaps(source, at, stream, streams)
        yield from _check_steps(source, at, stream)
        if isinstance(stream.get("mapping"), dict) and isinstance(stream.get("types"), list):
            yield from _check_against_types(source, at, stream)


def doubled(source: Source, found: list[Item], field: str) -> Iterator[Mistake]:
    """Names that were given before."""
    seen: dict[str, Location] = {}
    for at, item in found:
        name = item.get(field)
        if isinstance(name, str) and name in seen:
            first = source.line((*seen[name], field))
            yield source.mistake((*at, field), f"taken on line {first}; choose another name", name)
        elif isinstance(name, str):
            seen[name] = at


def _overlaps(source: Source, at: Location, stream: dict[str, Any], streams: list[Item]) -> Iterator[Mistake]:
    pattern = stream.get("topics")
    if not isinstance(pattern, str):
        return
    try:
        fits = re.compile(pattern).fullmatch
    except re.error:
        return  # a mistake of shape
    for other, each in streams:
        topic = each.get("topic")
        if isinstance(topic, str) and fits(topic):
            rule = f"fits {topic!r} of line {source.line((*other, 'topic'))}, too; a topic is read by one stream"
            yield source.mistake((*at, "topics"), rule, pattern)


def _made(stream: dict[str, Any]) -> dict[str, dict[str, Any]] | None:
    """The fields that come out of a mapping, each with its schema; None without one."""
    mapping = stream.get("mapping")
    fields = mapping.get("fields") if isinstance(mapping, dict) else None
    if not isinstance(fields, dict):
        return None
    made: dict[str, dict[str, Any]] = {name: _schema_of(spec) for name, spec in fields.items()}
    return made | {name: {} for step in _steps(stream) for name in _added(step)}


def _schema_of(spec: Any) -> dict[str, Any]:
    """Of a decimal nothing is said: it is a text that holds a number."""
    kind = spec.get("type", "string") if isinstance(spec, dict) else "string"
    return {"type": kind, MAPPED: True} if kind in ("integer", "number", "boolean", "string") else {}


def _steps(stream: dict[str, Any]) -> list[dict[str, Any]]:
    steps = stream.get("enrich")
    return [step for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []


def _added(step: dict[str, Any]) -> list[str]:
    taken = step.get("take")
    names = list(taken) if isinstance(taken, dict) else []
    return [*names, step["set"]] if isinstance(step.get("set"), str) else names


def _yields(at: Location, stream: dict[str, Any]) -> Iterator[tuple[str, Location]]:
    """Every type that a mapping yields, and where it says so."""
    kind = stream["mapping"].get("type") if isinstance(stream.get("mapping"), dict) else None
    if isinstance(kind, str):
        yield kind, (*at, "mapping", "type")
    if not isinstance(kind, dict):
        return
    cases = kind.get("cases")
    for place, case in enumerate(cases if isinstance(cases, list) else ()):
        if isinstance(case, dict) and isinstance(case.get("type"), str):
            yield case["type"], (*at, "mapping", "type", "cases", place, "type")
    if isinstance(kind.get("default"), str):
        yield kind["default"], (*at, "mapping", "type", "default")


def _known(source: Source, at: Location, stream: dict[str, Any]) -> set[str] | None:
    """The fields before the first step; None where anything may come."""
    mapping = stream.get("mapping")
    if isinstance(mapping, dict):
        fields = mapping.get("fields")
        return set(fields) if isinstance(fields, dict) else None
    known: set[str] = set()
    for _, declared in items(source, *at, "types"):
        schema = declared.get("data")
        properties = schema.get("properties") if isinstance(schema, dict) else None
        if not isinstance(properties, dict):
            return None
        known |= set(properties)
    return known


def _check_steps(source: Source, at: Location, stream: dict[str, Any]) -> Iterator[Mistake]:
    known = _known(source, at, stream)
    if known is None:
        return
    said = "the mapping makes no such field" if "mapping" in stream else "no type of the stream declares such a field"
    for where, test in items(source, *at, "keep"):
        name = test.get("field")
        if isinstance(name, str) and name not in known:
            yield source.mistake((*where, "field"), f"{said}; {nearest(name, known)}", name)
    for where, step in items(source, *at, "enrich"):
        name = step.get("on")
        if isinstance(name, str) and name not in known:
            yield source.mistake((*where, "on"), f"{said}; {nearest(name, known)}", name)
        known = known | set(_added(step))


def _check_against_types(source: Source, at: Location, stream: dict[str, Any]) -> Iterator[Mistake]:
    """With declared types the mapping must fit them, or everything would be a dead letter."""
    declared = {str(each.get("type")): where for where, each in items(source, *at, "types")}
    made = _made(stream) or {}
    for name, where in _yields(at, stream):
        if name not in declared:
            if stream.get("others") != "ignore":
                yield source.mistake(where, f"the stream's types do not declare it; {nearest(name, declared)}", name)
            continue
        place: Location = (*declared[name], "data", "required")
        for number, field in texts(source.at(place)):
            if made and field not in made:
                rule = f"the mapping makes no such field; {nearest(field, made)}"
                yield source.mistake((*place, number), rule, field)
