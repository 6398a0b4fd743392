"""The mapping engine: from a document to an event, or to what is wrong with it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from string import Formatter
from typing import Any

from agents.mapping.instants import instant
from agents.mapping.paths import Get, getter
from agents.mapping.values import CONVERT, text_of
from contracts import ROW, Event, EventMapping, When, attribute_fault

_VALUE_MAX_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a document came from.

    `id` is the event's where the mapping makes none. `row` (from 1) is for rows of a file, `publish_time`
    (microseconds) for messages.
    """

    topic: str
    id: str
    row: int | None = None
    publish_time: int | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a document makes no event: `field` is the path and `value` (cut to 80 characters) what is there, if any."""

    field: str | None
    value: str | None
    rule: str
    code: str = "mapping"

    def __str__(self) -> str:
        where = "" if self.field is None else self.field + ("" if self.value is None else f" = {self.value}")
        return f"{where}: {self.rule}" if where else self.rule


class _Refused(Exception):
    def __init__(self, path: str, rule: str, value: object = None) -> None:
        super().__init__(rule)
        self.path, self.value = path, value


class Mapper:
    """A mapping, compiled to be applied to many documents."""

    def __init__(self, mapping: EventMapping, *, tenant: str) -> None:
        self._mapping, self._tenant = mapping, tenant
        self._id = None if mapping.id is None else _template(mapping.id)
        self._time = None if mapping.time.column is None else _required(mapping.time.column)
        self._key = None if mapping.key is None else _required(mapping.key)
        self._cases = [(_test(case.when), case.type) for case in mapping.type.cases]
        self._fields = [
            (name, spec.path, getter(spec.path), CONVERT[spec.type], spec.optional)
            for name, spec in mapping.fields.items()
        ]

    def map(self, document: object, origin: Origin) -> Event | Fault:
        """The document's event."""
        if not isinstance(document, dict):
            return Fault(None, short(document), "no JSON object; only objects can be mapped")
        try:
            event = self._event(document, origin)
        except _Refused as refused:
            return Fault(refused.path, None if refused.value is None else short(refused.value), str(refused))
        named = (("id", event.id), ("source", event.source), ("key", "-" if event.key is None else event.key))
        for name, text in named:
            if rule := attribute_fault(name, text):
                return Fault(None, None, f"makes no valid event: {rule}")
        return event

    def _event(self, document: Mapping[str, Any], origin: Origin) -> Event:
        return Event(
            id=origin.id if self._id is None else self._id(document, origin.row),
            source=self._mapping.source or origin.topic,
            type=next((name for holds, name in self._cases if holds(document)), self._mapping.type.default),
            time=self._moment(document, origin),
            data=self._data(document),
            key=None if self._key is None else self._key(document),
            tenant=self._tenant,
        )

    def _moment(self, document: Mapping[str, Any], origin: Origin) -> int:
        if self._time is None:
            if origin.publish_time is None:
                raise _Refused("time", "there is no publish time here")
            return origin.publish_time
        written = self._time(document)
        try:
            return instant(written, self._mapping.time)
        except (ValueError, OverflowError) as error:
            raise _Refused(self._mapping.time.column or "", str(error), written) from error

    def _data(self, document: Mapping[str, Any]) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for name, path, get, convert, optional in self._fields:
            value = get(document)
            if convert is str and type(value) is str and value.isascii():
                data[name] = value
                continue
            if value is None:
                if optional:
                    continue
                raise _Refused(path, "no value, but one is required")
            try:
                data[name] = convert(text_of(value))
            except ValueError as error:
                raise _Refused(path, str(error), value) from error
        return data


def short(value: object) -> str:
    """A value as it is shown: at most 80 characters."""
    return (str(value) if isinstance(value, Decimal) else repr(value))[:_VALUE_MAX_CHARACTERS]


def _text(path: str, value: object) -> str:
    try:
        return text_of(value)
    except ValueError as error:
        raise _Refused(path, str(error), value) from error


def _required(path: str) -> Callable[[Mapping[str, Any]], str]:
    get = getter(path)

    def read(document: Mapping[str, Any]) -> str:
        value = get(document)
        if type(value) is str and value.isascii():
            return value
        if value is None:
            raise _Refused(path, "no value, but one is required")
        return _text(path, value)

    return read


def _template(template: str) -> Callable[[Mapping[str, Any], int | None], str]:
    parts = [
        (literal, name, None if name in (None, ROW) else _required(name))
        for literal, name, _, _ in Formatter().parse(template)
    ]

    def fill(document: Mapping[str, Any], row: int | None) -> str:
        text = ""
        for literal, name, read in parts:
            text += literal
            if read is not None:
                text += read(document)
            elif name is not None:
                text += _numbered(row)
        return text

    return fill


def _numbered(row: int | None) -> str:
    if row is None:
        raise _Refused(ROW, "only files have rows; name fields that tell messages apart")
    return str(row)


def _test(when: When) -> Callable[[Mapping[str, Any]], bool]:
    get: Get = getter(when.field)
    equals, prefix = when.equals, when.prefix

    def holds(document: Mapping[str, Any]) -> bool:
        value = get(document)
        text = "" if value is None else _text(when.field, value)
        return text == equals if prefix is None else text.startswith(prefix)

    return holds
