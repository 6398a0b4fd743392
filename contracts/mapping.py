"""How documents become events: one language for the streams of a pack and for the files of `forestall emit`."""

import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from string import Formatter
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from contracts.base import Contract, Json

ROW = "row"
"""In an id template: the number of the data row, from 1. Files have rows, messages have none."""
EPOCHS = ("epoch_s", "epoch_ms", "epoch_us")
"""Time formats that count from 1970-01-01T00:00:00Z: in seconds (a fraction is read), milli- or microseconds."""

FieldType = Literal["string", "integer", "number", "decimal", "boolean"]
Text = Annotated[str, Field(min_length=1, max_length=256)]
EventTypeName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$", max_length=256)]
FieldName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
Place = tuple[str | int, ...]

_SCHEMAS: dict[FieldType, Json] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "decimal": {"type": "string", "format": "decimal"},
    "boolean": {"type": "boolean"},
}


@lru_cache
def zone_of(name: str) -> tzinfo:
    """The zone of an IANA name, `Z`, or an offset such as `+01:00`.

    Raises:
        ValueError: there is no such zone.
    """
    if name in ("Z", "UTC"):
        return UTC
    if offset := re.fullmatch(r"([+-])(\d\d):([0-5]\d)", name):
        minutes = int(offset[2]) * 60 + int(offset[3])
        return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(
            "no time zone known here; write an IANA name such as Europe/London, or an offset such as +01:00"
        ) from error


def _quoted(value: Any) -> Any:
    if isinstance(value, int):
        raise ValueError('YAML reads this as a number; write an offset in quotes, such as "+01:00"')
    return value


def _known_zone(value: str) -> str:
    zone_of(value)
    return value


def _known_format(value: str) -> str:
    day = datetime(2013, 11, 23, tzinfo=UTC)
    if value == "iso" or value in EPOCHS:
        return value
    try:
        parsed = datetime.strptime(day.strftime(value), value)  # noqa: DTZ007 - only its date is compared
    except (ValueError, re.error) as error:
        raise ValueError(f"neither iso, {', '.join(EPOCHS)} nor a strptime format: {error}") from error
    if parsed.date() != day.date():
        known = f"iso, {', '.join(EPOCHS)}"
        raise ValueError(f"does not hold year, month and day; write {known} or a strptime format such as %d/%m/%Y")
    return value


def template_names(template: str) -> list[str]:
    """The paths (or `row`) that a template names, in order.

    Raises:
        ValueError: the braces do not match, or hold more than a name.
    """
    names = []
    for _, name, form, conversion in Formatter().parse(template):
        if name is None:
            continue
        if not name or form or conversion:
            raise ValueError("write a column's name in braces and nothing else, such as row-{row}")
        names.append(name)
    return names


def _template(value: str) -> str:
    if not template_names(value):
        raise ValueError("is the same for every row; name {row} or columns that tell rows apart")
    return value


def misplaced(place: str, rule: str) -> PydanticCustomError:
    """A mistake that several fields make together; `place` is the one to change, dotted."""
    return PydanticCustomError("misplaced", "{rule}", {"at": place, "rule": rule})


def _text(value: Any) -> Any:
    """A test's value as the text that it is compared with."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else value


def _as(field: str) -> BeforeValidator:
    """A plain text stands for the contract with this one field."""
    return BeforeValidator(lambda value: {field: value} if isinstance(value, str) else value)


class When(Contract):
    """A test of one value's text; an absent value is the empty text."""

    field: Text
    equals: Annotated[str, BeforeValidator(_text)] | None = None
    prefix: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_test(self) -> "When":
        if (self.equals is None) == (self.prefix is None):
            raise ValueError("give exactly one of equals, prefix")
        return self


class TypeCase(Contract):
    when: When
    type: EventTypeName


class TypeSpec(Contract):
    """The first case that holds decides, else the default. A plain name in the file is a default without cases."""

    cases: tuple[TypeCase, ...] = Field(default=(), max_length=32)
    default: EventTypeName

    @property
    def names(self) -> tuple[str, ...]:
        """Every type that may come out."""
        return tuple(dict.fromkeys([*(case.type for case in self.cases), self.default]))


class TimeSpec(Contract):
    """When the event happened: at `column`, or (`publish: true`) when the broker took the message.

    `format` is `iso`, an epoch (`EPOCHS`) or a `strptime` format; an offset in the text beats `zone`.

    `ambiguous` local times (the hour that a change to winter time repeats) are taken as the `earlier` or the `later`
    instant, or refused. `nonexistent` ones (the hour that a change to summer time skips) are refused, or shifted: read
    with the offset before the change, as a clock would show that nobody has put forward.
    """

    column: Text | None = None
    publish: bool = False
    format: Annotated[Text, AfterValidator(_known_format)] = "iso"
    zone: Annotated[Text, BeforeValidator(_quoted), AfterValidator(_known_zone)] | None = None
    ambiguous: Literal["earlier", "later", "refuse"] = "earlier"
    nonexistent: Literal["refuse", "shift"] = "refuse"

    @model_validator(mode="after")
    def _one_origin(self) -> "TimeSpec":
        if (self.column is None) != self.publish:
            raise ValueError("give exactly one of column, publish: true")
        if self.zone is not None and (self.publish or self.format in EPOCHS):
            raise misplaced("zone", "an epoch and the publish time are in UTC; remove it")
        return self


class FieldSpec(Contract):
    """Where a field of the event's data comes from; an `optional` one is left out where there is no value."""

    path: Text = Field(alias="from")
    type: FieldType = "string"
    optional: bool = False


class EventMapping(Contract):
    """How a document (a message's JSON or Avro, a file's row) becomes an event.

    A path names a value: `country`, or `customer.country` and `lines.0.article` for what lies deeper. A name with dots
    that the document has as it stands is taken first.

    Events are deduplicated downstream by (`source`, `id`). `source` is the topic unless it is given. Without an `id`
    it is made of topic, partition and message id, or of the file's name and the row's number.
    """

    type: Annotated[TypeSpec, _as("default")]
    source: Text | None = None
    id: Annotated[Text, AfterValidator(_template)] | None = None
    time: Annotated[TimeSpec, _as("column")]
    key: Text | None = None
    fields: dict[FieldName, Annotated[FieldSpec, _as("from")]] = Field(min_length=1)

    def paths(self) -> list[tuple[Place, str]]:
        """Every path that the mapping names, behind the place where it does."""
        named: list[tuple[Place, str]] = []
        if self.time.column is not None:
            named.append((("time", "column"), self.time.column))
        if self.id is not None:
            named += [(("id",), name) for name in template_names(self.id) if name != ROW]
        if self.key is not None:
            named.append((("key",), self.key))
        for index, case in enumerate(self.type.cases):
            named.append((("type", "cases", index, "when", "field"), case.when.field))
        return named + [(("fields", name, "from"), spec.path) for name, spec in self.fields.items()]

    def unknown(self, columns: Collection[str]) -> list[tuple[Place, str]]:
        """The places that name a column which is not among a table's, and what is wrong there."""
        known = ", ".join(columns)
        return [
            (place, f"the file has no column {name!r}; it has {known}")
            for place, name in self.paths()
            if name not in columns
        ]

    @property
    def of_rows(self) -> bool:
        """Whether only rows of a file have what it asks for."""
        return self.id is not None and ROW in template_names(self.id)

    def schema_of_data(self) -> Json:
        """JSON Schema of the data that comes out."""
        return {
            "type": "object",
            "required": [name for name, spec in self.fields.items() if not spec.optional],
            "properties": {name: dict(_SCHEMAS[spec.type]) for name, spec in self.fields.items()},
        }


class MappingFile(EventMapping):
    """The mapping of a file's rows for `forestall emit --map`, and the topic that they go to."""

    topic: Text

    @model_validator(mode="after")
    def _rows_have_it(self) -> "MappingFile":
        if self.time.publish:
            raise misplaced("time", "a file's rows have no publish time; name the column that tells when it happened")
        return self
