"""The fast way through a batch of a stream with a mapping: columns from the documents, without an event in between."""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import fastjsonschema

from agents.mapping import Arrived, ColumnMapper, Columns, Steps, decode_json
from agents.monitoring import Fields
from agents.monitoring.readings import mapping_fields
from contracts import Event, StreamSpec
from graphs.screening import EVENT_MAX_BYTES, FUTURE_TOLERANCE, Incoming, Screen
from graphs.taken import Taken, digests_of


class MappedWay:
    """Says yes where `Screen.read` does, and passes over the rest.

    An element of the data is a tuple; a dictionary where the stream's types are written, so that their schemas can
    judge it. Types that follow from the mapping need no judgement.
    """

    def __init__(self, stream: StreamSpec, screen: Screen) -> None:
        assert stream.mapping is not None
        self._mapper = ColumnMapper(stream.mapping)
        self._steps = Steps(stream) if stream.keep or stream.enrich else None
        self._avro, self._whole = stream.format == "avro", stream.processed is not None
        self._tenant, self._ignore_others = screen.tenant, stream.others == "ignore"
        self._validators = screen.validators
        self._judged = stream.types != stream.derived_types()
        self._names = tuple(dict.fromkeys(_names(stream)))
        self._at = {name: place for place, name in enumerate(self._names)}

    @staticmethod
    def goes(stream: StreamSpec) -> bool:
        """Whether the stream can go this way. An event that is published has its data in the order in which they came
        about, which columns forget where a step sets a field anew."""
        names = _names(stream)
        return stream.mapping is not None and (stream.processed is None or len(set(names)) == len(names))

    def take(self, messages: Sequence[Incoming], payloads: Sequence[bytes], now: int) -> Taken:
        """What is surely an event of the stream, or surely left out."""
        payloads = list(payloads)
        documents = [each.document for each in messages] if self._avro else _documents(payloads)
        if max(map(len, payloads), default=0) > EVENT_MAX_BYTES:
            sizes = map(len, payloads)
            documents = [None if size > EVENT_MAX_BYTES else each for size, each in zip(sizes, documents, strict=True)]
        arrived: Sequence[Arrived] = getattr(messages, "arrived", messages)
        columns = self._mapper.map(documents, arrived)
        taken = Taken()
        latest = now + FUTURE_TOLERANCE
        if columns.times and max(columns.times) > latest:
            columns = columns.only([time <= latest for time in columns.times])
        if not self._validators.keys() >= set(columns.types):
            known = [type in self._validators for type in columns.types]
            if self._ignore_others:
                taken.ignored = columns.only([not each for each in known]).places
            columns = columns.only(known)
        if self._steps is not None:
            before, columns = columns, self._steps.apply_all(columns)
            kept = set(columns.places)
            taken.filtered = [place for place in before.places if place not in kept]
        self._fill(taken, columns)
        taken.digests += digests_of(payloads, taken.places)
        return taken

    def element(self, data: Mapping[str, Any]) -> Any:
        """The data of an event that was read by itself, as these columns have them."""
        return data if self._judged else (*map(data.get, self._names), None)

    def fields(self) -> Fields:
        """Of the elements."""
        if self._judged:
            return mapping_fields

        def of(names: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
            places = [self._at.get(name, -1) for name in names]
            if len(places) > 1:
                return itemgetter(*places)
            return lambda row: tuple([row[place] for place in places])

        return of

    def _fill(self, taken: Taken, columns: Columns) -> None:
        count, none = len(columns.places), None
        by_name = [columns.fields.get(name, [none] * count) for name in self._names]
        rows: list[Any] = list(zip(*by_name, [none] * count, strict=True))
        dicts = [_without_none(self._names, row) for row in rows] if self._judged or self._whole else []
        if self._judged:
            fits = [self._fits(type, data) for type, data in zip(columns.types, dicts, strict=True)]
            columns = columns.only(fits)
            rows = dicts = [data for data, fit in zip(dicts, fits, strict=True) if fit]
        taken.places, taken.ids, taken.sources = columns.places, columns.ids, columns.sources
        taken.types, taken.times, taken.data = columns.types, columns.times, rows
        if self._whole:
            whole = (columns.ids, columns.sources, columns.types, columns.times, columns.keys, dicts)
            taken.events = [
                Event(id=id, source=source, type=type, time=time, key=key, data=data, tenant=self._tenant)
                for id, source, type, time, key, data in zip(*whole, strict=True)
            ]

    def _fits(self, type: str, data: dict[str, Any]) -> bool:
        try:
            self._validators[type](data)
        except (fastjsonschema.JsonSchemaValueException, ArithmeticError):
            return False
        return True


def _names(stream: StreamSpec) -> list[str]:
    """Of the fields, in the order in which they come about."""
    mapped = () if stream.mapping is None else stream.mapping.fields
    return [*mapped, *(name for step in stream.enrich for name in step.adds)]


def _documents(payloads: Sequence[bytes]) -> list[Any]:
    """None where a payload has to be read by itself."""
    try:
        return list(map(decode_json, payloads))
    except (ValueError, ArithmeticError, RecursionError):
        return [_document(payload) for payload in payloads]


def _document(payload: bytes) -> Any:
    try:
        return decode_json(payload)
    except (ValueError, ArithmeticError, RecursionError):
        return None


def _without_none(names: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    return {name: value for name, value in zip(names, row, strict=False) if value is not None}
