"""Do reflexes name what there is, and may they act at all?"""

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from contracts import PackManifest, Reflex
from forestall.packs.arguments import ACCEPTED_AS
from forestall.packs.mistakes import Location, Mistake, nearest
from forestall.packs.source import Source
from tools import Catalogue

ADVICE = "name a value of the event as $field, alone"


def check_reflexes(source: Source, manifest: PackManifest, catalogue: Catalogue) -> Iterator[Mistake]:
    """Topic tools and reflexes against each other, the streams, the tools and the autonomy table."""
    schemas: dict[str, Mapping[str, Any]] = {each.name: each.schema for each in catalogue}
    for place, tool in enumerate(manifest.topic_tools):
        at: Location = ("topic_tools", place)
        if tool.name in schemas:
            yield source.mistake((*at, "name"), "another tool has this name; choose another", tool.name)
        schemas[tool.name] = tool.arguments
        try:
            Draft202012Validator.check_schema(tool.arguments)
        except SchemaError as error:
            rule = f"not JSON Schema: {error.message[:200]}; see json-schema.org, draft 2020-12"
            yield source.mistake((*at, "arguments", *error.absolute_path), rule)
    names: set[str] = set()
    for place, reflex in enumerate(manifest.reflexes):
        at = ("reflexes", place)
        if reflex.name in names:
            yield source.mistake((*at, "name"), "another reflex has this name; choose another", reflex.name)
        names.add(reflex.name)
        yield from _check_fields(source, at, reflex, manifest)
        if reflex.tool not in schemas:
            yield source.mistake((*at, "tool"), f"no such tool; {nearest(reflex.tool, schemas)}", reflex.tool)
            continue
        yield from _check_arguments(source, at, reflex, schemas[reflex.tool])
        yield from _check_types(source, at, reflex, schemas[reflex.tool], manifest, own=reflex.tool in catalogue)
        if not any(rule.tool == reflex.tool and rule.may == "alone" for rule in manifest.autonomy.rules):
            rule = f"nobody is asked in a reflex, and no rule lets {reflex.tool} act alone"
            advice = f"add {{tool: {reflex.tool}, may: alone}} to autonomy.rules"
            yield source.mistake((*at, "tool"), f"{rule}; {advice}", reflex.tool)


def _check_fields(source: Source, at: Location, reflex: Reflex, manifest: PackManifest) -> Iterator[Mistake]:
    """Every field that a rule looks at is declared by every type that it heeds."""
    uses: list[tuple[Location, str]] = [
        ((*at, "where", number, "field"), test.field) for number, test in enumerate(reflex.where)
    ]
    uses += [
        ((*at, "arguments", name), given[1:])
        for name, given in reflex.arguments.items()
        if isinstance(given, str) and given.startswith("$")
    ]
    uses += [((*at, "value"), reflex.value)] if reflex.value else []
    for event_type, properties in _heeded(reflex, manifest):
        for where, name in uses:
            if name not in properties:
                rule = f"{event_type!r} declares no such field; {nearest(name, properties)}"
                yield source.mistake(where, rule, name)


def _heeded(reflex: Reflex, manifest: PackManifest) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The types that it heeds, with their fields; those that leave open what comes are passed over."""
    for stream in manifest.streams:
        for each in stream.types:
            properties = each.data.get("properties")
            if each.type in reflex.of and isinstance(properties, dict):
                yield each.type, properties


def _check_types(
    source: Source, at: Location, reflex: Reflex, schema: Mapping[str, Any], manifest: PackManifest, *, own: bool
) -> Iterator[Mistake]:
    """An event's value of a type that the tool does not take would be refused each time.

    A decimal is a text that holds a number, as which the pack's `own` tools read it.
    """
    known = schema.get("properties")
    for name, given in reflex.arguments.items():
        part = known.get(name) if isinstance(known, dict) else None
        wanted = part.get("type") if isinstance(part, dict) else None
        if not isinstance(wanted, str) or not isinstance(given, str) or not given.startswith("$"):
            continue
        for event_type, properties in _heeded(reflex, manifest):
            found = properties.get(given[1:])
            field = found if isinstance(found, dict) else {}
            kind = field.get("type")
            if not isinstance(kind, str) or wanted in ACCEPTED_AS.get(kind, (kind,)):
                continue
            if own and wanted == "number" and field.get("format") == "decimal":
                continue
            rule = f"is of type {kind} in {event_type!r}, and {reflex.tool} takes one of type {wanted}"
            yield source.mistake((*at, "arguments", name), f"{rule}; change the one or the other", given)


def _check_arguments(source: Source, at: Location, reflex: Reflex, schema: Mapping[str, Any]) -> Iterator[Mistake]:
    known = schema.get("properties")
    for name, given in reflex.arguments.items():
        where = (*at, "arguments", name)
        if isinstance(known, dict) and name not in known:
            yield source.mistake(where, f"{reflex.tool} takes no such argument; {nearest(name, known)}")
        elif isinstance(given, str) and "$" in given and not given.startswith("$"):
            yield source.mistake(where, f"a `$` within a text stands for nothing; {ADVICE}", given)
        elif isinstance(known, dict) and not (isinstance(given, str) and given.startswith("$")):
            part = {**known[name], "$defs": schema.get("$defs", {})}
            for error in Draft202012Validator(part).iter_errors(given):
                yield source.mistake(where, f"{error.message[:200]}; see what the tool takes")
    for name in schema.get("required", ()):
        if name not in reflex.arguments:
            yield source.mistake((*at, "arguments", name), f"missing; {reflex.tool} requires it")
