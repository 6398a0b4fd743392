"""Do the names in `pack.yaml` resolve? Read from the data itself, so that one wrong field hides no other mistake."""

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from forestall.packs.mistakes import Location, Mistake, nearest
from forestall.packs.source import Item, Source, items, texts
from forestall.packs.streams import MAPPED, check_streams, declared_types, doubled


def check_names(source: Source) -> Iterator[Mistake]:
    """Doubled names, references to nothing, and event schemas that are none.

    Where the list is missing to which a name refers, or one of its names, that is the mistake.
    """
    types = declared_types(source)
    named = [item.get("name") for _, item in items(source, "measures")]
    measures = {name for name in named if isinstance(name, str)}
    all_named = bool(named) and all(isinstance(name, str) for name in named)
    yield from check_streams(source)
    for list_name in ("measures", "detectors"):
        yield from doubled(source, list(items(source, list_name)), "name")
    yield from doubled(source, [item for item, _ in types], "type")
    for (at, declared), _ in types:
        yield from _check_schema(source, (*at, "data"), declared.get("data", {}))
    for at, measure in items(source, "measures"):
        if all(isinstance(declared.get("type"), str) for (_, declared), _ in types) and types:
            yield from _check_types(source, (*at, "of"), texts(measure.get("of")), types)
        yield from _check_fields(source, at, measure, types)
    for at, detector in items(source, "detectors"):
        watched = detector.get("measure")
        if isinstance(watched, str) and watched not in measures and all_named:
            yield source.mistake((*at, "measure"), f"no such measure; {nearest(watched, measures)}", watched)


def _check_types(
    source: Source, at: Location, counted: list[tuple[int, str]], types: list[tuple[Item, Location]]
) -> Iterator[Mistake]:
    """A measure counts declared types, all of one stream: each stream has its own watermark."""
    streams = {str(declared.get("type")): stream for (_, declared), stream in types}
    for place, name in counted:
        if name not in streams:
            yield source.mistake((*at, place), f"no stream declares this type; {nearest(name, streams)}", name)
    if len({streams[name] for _, name in counted if name in streams}) > 1:
        yield source.mistake(at, "these types come on different streams; write a measure for each stream")


def _check_schema(source: Source, at: Location, schema: object) -> Iterator[Mistake]:
    try:
        Draft202012Validator.check_schema(schema)  # type: ignore[arg-type]
    except SchemaError as error:
        where = (*at, *error.absolute_path)
        yield source.mistake(where, f"not JSON Schema: {error.message[:200]}; see json-schema.org, draft 2020-12")


def _check_fields(
    source: Source, at: Location, measure: dict[str, Any], types: list[tuple[Item, Location]]
) -> Iterator[Mistake]:
    """A misspelt field would make a measure that is silently empty."""
    uses: list[tuple[Location, Any]] = [((*at, name), measure.get(name)) for name in ("unit", "field", "key")]
    uses += [((*at, "dimensions", place), name) for place, name in texts(measure.get("dimensions"))]
    uses += [((*where, "field"), test.get("field")) for where, test in items(source, *at, "where")]
    counted = {name for _, name in texts(measure.get("of"))}
    for (_, declared), _ in types:
        schema = declared.get("data")
        properties = schema.get("properties") if isinstance(schema, dict) else None
        if str(declared.get("type")) not in counted or not isinstance(properties, dict):
            continue
        for where, name in uses:
            if isinstance(name, str) and name not in properties:
                rule = f"{declared['type']!r} declares no such field; {nearest(name, properties)}"
                yield source.mistake(where, rule, name)
        yield from _check_number(source, at, measure, properties)


def _check_number(
    source: Source, at: Location, measure: dict[str, Any], properties: dict[str, Any]
) -> Iterator[Mistake]:
    """What is added up must be a number. A declared text may hold one; what a mapping makes a text holds none."""
    name = measure.get("field")
    if measure.get("aggregate") not in ("sum", "mean", "min", "max", "last") or not isinstance(name, str):
        return
    found = properties.get(name)
    schema = found if isinstance(found, dict) else {}
    kind = schema.get("type")
    if kind in ("boolean", "array", "object", "null"):
        rule = f"is {kind}, and {measure['aggregate']} needs a number; choose another field, or count"
        yield source.mistake((*at, "field"), rule, name)
    elif kind == "string" and MAPPED in schema:
        rule = f"is text, and {measure['aggregate']} needs a number; map it as number, integer or decimal"
        yield source.mistake((*at, "field"), rule, name)
