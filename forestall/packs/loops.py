"""Would a reflex set itself off? Its commands are messages, too, on a topic that the pack may read."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from agents.mapping import CONVERT, getter, text_of
from contracts import Command, EventMapping, EventType, PackManifest, Reflex, StreamSpec, Where, encode_event, own_event
from forestall.packs.mistakes import Location, Mistake
from forestall.packs.source import Source
from ledger import Routing

ISSUED = "command.issued"
ANY: Any = object()
"""Stands for a value that is known only when it comes."""
_FIXED = ("pack", "tool", "topic", "plan_version", "ordinal", "timeout_s")


def check_loops(source: Source, manifest: PackManifest) -> Iterator[Mistake]:
    """Reflexes that their own commands would set off, directly or by way of other reflexes.

    What is on the message for certain (its type, its fields, the tool, arguments that are no `$field`) is held against
    the stream's mapping and `keep` and the reflex's `where`: what cannot match is no loop.
    """
    sets_off = {reflex.name: dict(_heard_by(manifest, reflex)) for reflex in manifest.reflexes}
    for place, reflex in enumerate(manifest.reflexes):
        for name, stream in sets_off[reflex.name].items():
            if reflex.name not in _reached(name, sets_off):
                continue
            at, topic = _origin(manifest, place, reflex)
            line = source.line(("streams", manifest.streams.index(stream)))
            through = "" if name == reflex.name else f" through {name!r}"
            rule = f"the stream of line {line} reads it, and {reflex.name!r} would set itself off{through} without end"
            yield source.mistake(at, f"{rule}; choose a topic that the pack does not read", topic)
            break


def _reached(name: str, sets_off: Mapping[str, Mapping[str, StreamSpec]]) -> set[str]:
    found, left = set[str](), [name]
    while left:
        if (each := left.pop()) not in found:
            found.add(each)
            left += sets_off[each]
    return found


def _origin(manifest: PackManifest, place: int, reflex: Reflex) -> tuple[Location, str]:
    """Where the topic is named; where it is ours alone, the reflex's tool."""
    for number, tool in enumerate(manifest.topic_tools):
        if tool.name == reflex.tool and any(stream.reads(tool.topic) for stream in manifest.streams):
            return ("topic_tools", number, "topic"), tool.topic
    return ("reflexes", place, "tool"), reflex.tool


def _heard_by(manifest: PackManifest, reflex: Reflex) -> Iterator[tuple[str, StreamSpec]]:
    """The reflexes that a command of this one may set off, each with the stream on which it does."""
    message = _message(manifest, reflex)
    topics = {name.removeprefix("topic:") for name in Routing().of(message["type"])}
    topics |= {tool.topic for tool in manifest.topic_tools if tool.name == reflex.tool}
    for stream in manifest.streams:
        if not any(stream.reads(topic) for topic in topics):
            continue
        data = _data(stream, message)
        if data is None or not all(_may_pass(test, data) for test in stream.keep):
            continue
        for step in stream.enrich:
            data |= dict.fromkeys(step.take, ANY) if step.set is None else {step.set: step.to}
        made = {message["type"]} if stream.mapping is None else set(stream.mapping.type.names)
        types = {each.type for each in stream.types if each.type in made and data.keys() >= _required(each)}
        for other in manifest.reflexes:
            heeds = types & set(other.of) and all(data.get(name) is not None for name in other.needed)
            if heeds and all(_may_pass(test, data) for test in other.where):
                yield other.name, stream


def _required(declared: EventType) -> set[str]:
    """A message that lacks one of these is a dead letter."""
    return set(declared.data.get("required", ()))


def _may_pass(test: Where, data: Mapping[str, Any]) -> bool:
    value = data.get(test.field)
    return value is ANY or test.compiled()(value)


def _message(manifest: PackManifest, reflex: Reflex) -> dict[str, Any]:
    """A command of the reflex as it is published, with `ANY` wherever more than one value may come."""
    topic = next((tool.topic for tool in manifest.topic_tools if tool.name == reflex.tool), None)
    command = Command(
        id="-",
        incident_id="-",
        pack=manifest.pack,
        tenant="-",
        plan_version=reflex.version,
        ordinal="1",
        tool=reflex.tool,
        arguments={},
        deadline=0,
        value_ceiling=Decimal(0),
        authority="-",
    )
    data = command.to_json() | ({"topic": topic} if topic else {})
    event = own_event(ISSUED, data, about=("-",), time=0, incident="-", cause="-")
    message: dict[str, Any] = json.loads(encode_event(event))
    known = {name: message[name] for name in ("type", "source", "specversion", "datacontenttype")}
    arguments = {
        name: ANY if isinstance(given, str) and given.startswith("$") else given
        for name, given in reflex.arguments.items()
    }
    written = {name: value if name in _FIXED or value is None else ANY for name, value in data.items()}
    return dict.fromkeys(message, ANY) | known | {"data": written | {"arguments": arguments}}


def _data(stream: StreamSpec, message: Mapping[str, Any]) -> dict[str, Any] | None:
    """The event's data, as the stream reads the message; None where it cannot be read."""
    if stream.mapping is None:
        return dict(message["data"])
    return None if stream.format == "avro" else _mapped(stream.mapping, message)


def _mapped(mapping: EventMapping, message: Mapping[str, Any]) -> dict[str, Any] | None:
    named = (mapping.time.column, mapping.key)
    if any(path is not None and getter(path)(message) is None for path in named):
        return None
    data: dict[str, Any] = {}
    for name, spec in mapping.fields.items():
        value = getter(spec.path)(message)
        try:
            if value is not None:
                data[name] = ANY if value is ANY else CONVERT[spec.type](text_of(value))
            elif not spec.optional:
                return None
        except ValueError:
            return None
    return data
