"""The mapping engine for a batch: what `Mapper` makes of many documents, as columns.

It only ever says yes, and only where `Mapper` makes the same event; the rows that it doubts are for that.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress
from operator import attrgetter
from string import Formatter
from typing import Any, Protocol

from agents.mapping.paths import column
from agents.mapping.time_columns import instants_of
from agents.mapping.value_columns import converted, texts
from contracts import ATTRIBUTE_MAX_CHARACTERS, CONTROL_CHARACTERS, ROW, EventMapping, When, attribute_fault

_TOPIC, _PARTITION, _MESSAGE_ID = attrgetter("topic"), attrgetter("partition"), attrgetter("message_id")


class Arrived(Protocol):
    """A message, as far as a mapping may ask for it."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def message_id(self) -> str: ...
    @property
    def publish_time(self) -> int | None: ...


@dataclass(slots=True)
class Columns:
    """Events of equal places in these columns. `fields` are the data's, None where an event has none of that name."""

    places: list[int]
    ids: list[str]
    sources: list[str]
    types: list[str]
    times: list[int]
    keys: list[str | None]
    fields: dict[str, list[Any]]

    def only(self, keep: Sequence[bool]) -> "Columns":
        """The events whose place in `keep` is true."""
        if all(keep):
            return self
        return Columns(
            list(compress(self.places, keep)),
            list(compress(self.ids, keep)),
            list(compress(self.sources, keep)),
            list(compress(self.types, keep)),
            list(compress(self.times, keep)),
            list(compress(self.keys, keep)),
            {name: list(compress(values, keep)) for name, values in self.fields.items()},
        )


class ColumnMapper:
    """A mapping, compiled to be applied to batches of documents."""

    def __init__(self, mapping: EventMapping) -> None:
        self._mapping = mapping
        self._id = None if mapping.id is None else _template(mapping.id)

    def map(self, documents: Sequence[Any], messages: Sequence[Arrived]) -> Columns:
        """The events that the documents are sure to become; `messages` are where they came from."""
        places = list(range(len(documents)))
        if set(map(type, documents)) != {dict}:
            places = [place for place in places if type(documents[place]) is dict]
            documents = [documents[place] for place in places]
        if not places:
            return Columns([], [], [], [], [], [], {})
        found, doubted = self._mapped(_Batch(documents, messages, places), places)
        return found.only([row not in doubted for row in range(len(places))]) if doubted else found

    def _mapped(self, batch: "_Batch", places: list[int]) -> tuple[Columns, set[int]]:
        mapping = self._mapping
        ids = batch.own_ids() if self._id is None else self._id(batch)
        sources = [mapping.source] * len(places) if mapping.source else batch.topics()
        keys: list[Any] = [None] * len(places) if mapping.key is None else batch.required(mapping.key)
        fields = {
            name: converted(spec.type, batch.values(spec.path), batch.doubted, optional=spec.optional)
            for name, spec in mapping.fields.items()
        }
        found = Columns(places, ids, sources, self._types(batch), self._times(batch), keys, fields)
        for name, attributes in (("id", ids), ("source", sources), ("key", [] if mapping.key is None else keys)):
            _doubt_faulty(name, attributes, batch.doubted)
        return found, batch.doubted

    def _types(self, batch: "_Batch") -> list[str]:
        types = [self._mapping.type.default] * len(batch.documents)
        for case in reversed(self._mapping.type.cases):
            types = [case.type if holds else other for holds, other in zip(_test(batch, case.when), types, strict=True)]
        return types

    def _times(self, batch: "_Batch") -> list[int]:
        spec = self._mapping.time
        if spec.column is not None:
            return instants_of(batch.values(spec.column), spec, batch.doubted)
        times = [message.publish_time for message in batch.messages]
        batch.doubted.update(row for row, time in enumerate(times) if time is None)
        return [time or 0 for time in times]


class _Batch:
    """Documents on their way: their columns by path, and the rows that are doubted."""

    def __init__(self, documents: Sequence[dict[str, Any]], messages: Sequence[Arrived], places: list[int]) -> None:
        self.documents, self._arrived, self._places = documents, messages, places
        self.doubted: set[int] = set()
        self._values: dict[str, list[Any]] = {}
        self._texts: dict[str, list[Any]] = {}

    def values(self, path: str) -> list[Any]:
        if path not in self._values:
            self._values[path] = column(self.documents, path)
        return self._values[path]

    def texts(self, path: str) -> list[Any]:
        if path not in self._texts:
            self._texts[path] = texts(self.values(path), self.doubted)
        return self._texts[path]

    def required(self, path: str) -> list[str]:
        """Empty where the row is doubted."""
        found = self.texts(path)
        if None not in found:
            return found
        self.doubted.update(row for row, text in enumerate(found) if text is None)
        return [text or "" for text in found]

    @cached_property
    def messages(self) -> list[Arrived]:
        """Made only where the mapping asks for them."""
        arrived = list(self._arrived)
        return arrived if len(arrived) == len(self._places) else [arrived[place] for place in self._places]

    def topics(self) -> list[str]:
        return list(map(_TOPIC, self.messages))

    def own_ids(self) -> list[str]:
        if len(set(self.topics())) > 1 or len(set(map(_PARTITION, self.messages))) > 1:
            return [own_id(message) for message in self.messages]
        begin = _own(self.messages[0])
        return [begin + name for name in map(_MESSAGE_ID, self.messages)]


def own_id(message: Arrived) -> str:
    """An event's where the mapping makes none: of topic, partition and message id."""
    return _own(message) + message.message_id


def _own(message: Arrived) -> str:
    return f"{message.topic}#{message.partition}:"


def _template(template: str) -> Callable[[_Batch], list[str]]:
    names: list[str] = []
    form = ""
    for literal, name, _, _ in Formatter().parse(template):
        form += literal.replace("%", "%%")
        if name is not None:
            form += "%s"
            names.append(name)
    fill = form.__mod__

    def ids(batch: _Batch) -> list[str]:
        if ROW in names:  # only files have rows
            batch.doubted.update(range(len(batch.documents)))
            return [""] * len(batch.documents)
        return list(map(fill, zip(*map(batch.required, names), strict=True)))

    return ids


def _test(batch: _Batch, when: When) -> list[bool]:
    prefix, equals = when.prefix, when.equals
    found = batch.texts(when.field)
    if prefix is None:
        return [(text or "") == equals for text in found]
    return [text is not None and text.startswith(prefix) for text in found]


def _doubt_faulty(name: str, texts: list[str], doubted: set[int]) -> None:
    """An attribute that no event may have."""
    if (
        all(texts)
        and max(map(len, texts), default=0) <= ATTRIBUTE_MAX_CHARACTERS
        and ((joined := "".join(texts)).isprintable() or CONTROL_CHARACTERS.search(joined) is None)
    ):
        return
    doubted.update(row for row, text in enumerate(texts) if attribute_fault(name, text) is not None)
