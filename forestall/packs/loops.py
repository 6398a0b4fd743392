"""Would a reflex set itself off? What comes of it are messages, too, on topics that the pack may read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agents.mapping import CONVERT, getter, text_of
from contracts import EventMapping, PackManifest, Reflex, StreamSpec
from forestall.packs.mistakes import Location, Mistake
from forestall.packs.partly import ANY, may_fit, may_pass
from forestall.packs.source import Source
from forestall.packs.written import Written, passed_on, written_by
from tools import Catalogue

DEAD_LETTERS = "forestall.dead_letters"
Node = tuple[str, int]
"""A reflex by name, and which of the messages that come of it."""


@dataclass(frozen=True, slots=True)
class _Heard:
    """A reflex that a message may set off, and the stream on which it does. `called`: it has what its call needs."""

    reflex: str
    stream: StreamSpec
    called: bool


def check_loops(source: Source, manifest: PackManifest, catalogue: Catalogue) -> Iterator[Mistake]:
    """Reflexes that what comes of them would set off, directly or by way of other reflexes; streams of dead letters.

    What is on a message for certain is held against the stream's mapping, `keep` and types and the reflex's `where`:
    what cannot match is no loop.
    """
    yield from _check_letters(source, manifest)
    written: dict[Node, Written] = {
        (reflex.name, number): each
        for reflex in manifest.reflexes
        for number, each in enumerate(written_by(manifest, reflex, catalogue))
    }
    heard = {node: list(_heard_by(manifest, each)) for node, each in written.items()}
    leads_to = {node: {to: each for each in found for to in _answers(each, written)} for node, found in heard.items()}
    for place, reflex in enumerate(manifest.reflexes):
        nodes = [node for node in written if node[0] == reflex.name]
        circles = ((node, to) for node in nodes for to in leads_to[node] if node in _reached(to, leads_to))
        if (found := next(circles, None)) is not None:
            node, to = found
            yield _mistake(source, manifest, place, written[node], leads_to[node][to])


def _check_letters(source: Source, manifest: PackManifest) -> Iterator[Mistake]:
    for place, stream in enumerate(manifest.streams):
        if stream.reads(DEAD_LETTERS):
            at: Location = ("streams", place, "topic" if stream.topic else "topics")
            rule = f"reads {DEAD_LETTERS}: what could not be taken there would come back on it without end"
            yield source.mistake(at, f"{rule}; look at them with `forestall dead-letters`", stream.name)


def _mistake(source: Source, manifest: PackManifest, place: int, written: Written, heard: _Heard) -> Mistake:
    reflex, kind = manifest.reflexes[place], written.message["type"]
    line = source.line(("streams", manifest.streams.index(heard.stream)))
    through = "" if heard.reflex == reflex.name else f" through {heard.reflex!r}"
    rule = f"the stream of line {line} reads the {kind} that comes of it, and {reflex.name!r} would set itself off"
    rule += f"{through} without end"
    for number, tool in enumerate(manifest.topic_tools):
        if tool.name == reflex.tool and tool.topic in written.topics and heard.stream.reads(tool.topic):
            at: Location = ("topic_tools", number, "topic")
            return source.mistake(at, f"{rule}; choose a topic that the pack does not read", tool.topic)
    advice = "let `where`, or the stream's `keep`, leave it out, or heed another type"
    if written.message["data"] is ANY:  # what a tool announces
        advice = "heed another type, or call another tool"
    return source.mistake(("reflexes", place, "of"), f"{rule}; {advice}", list(reflex.of))


def _answers(heard: _Heard, written: Mapping[Node, Written]) -> Iterator[Node]:
    """What comes of the reflex then; where its call cannot be made, the ruling that says so."""
    for node, each in written.items():
        if node[0] == heard.reflex and (heard.called or each.always):
            yield node


def _reached(node: Node, leads_to: Mapping[Node, Mapping[Node, _Heard]]) -> set[Node]:
    found, left = set[Node](), [node]
    while left:
        if (each := left.pop()) not in found:
            found.add(each)
            left += leads_to[each]
    return found


def _heard_by(manifest: PackManifest, written: Written) -> Iterator[_Heard]:
    """The reflexes that a message may set off, also by way of the pack's `processed` topics."""
    left, passed = [written], set[tuple[str, str]]()
    while left:
        each = left.pop()
        for stream in manifest.streams:
            if not any(map(stream.reads, each.topics)):
                continue
            for kind, data in _taken(stream, each.message):
                yield from (
                    _Heard(reflex.name, stream, all(data.get(name) is not None for name in reflex.needed))
                    for reflex in manifest.reflexes
                    if _heeds(reflex, kind, data)
                )
                if stream.processed is not None and (stream.name, kind) not in passed:
                    passed.add((stream.name, kind))
                    left.append(passed_on(each, stream.processed, kind, data))


def _heeds(reflex: Reflex, kind: str, data: Mapping[str, Any]) -> bool:
    return kind in reflex.of and all(may_pass(test, data) for test in reflex.where)


def _taken(stream: StreamSpec, message: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Type and data of the events that the message may become; none where it is left out or a dead letter."""
    data = _data(stream, message)
    if data is None or not all(may_pass(test, data) for test in stream.keep):
        return
    for step in stream.enrich if data is not ANY else ():
        data = data | (dict.fromkeys(step.take, ANY) if step.set is None else {step.set: step.to})
    made = (message["type"],) if stream.mapping is None else stream.mapping.type.names
    for each in stream.types:
        if each.type in made and may_fit(data, each.data):
            yield each.type, data if data is ANY else _defaults(each.data) | data


def _defaults(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Fields that validation adds where they are missing."""
    properties = schema.get("properties")
    parts = properties.items() if isinstance(properties, dict) else ()
    return {name: ANY for name, part in parts if isinstance(part, dict) and "default" in part}


def _data(stream: StreamSpec, message: Mapping[str, Any]) -> dict[str, Any] | None:
    """The event's data, as the stream reads the message; None where it cannot be read."""
    if stream.mapping is None:
        data: dict[str, Any] = message["data"]
        return data
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
