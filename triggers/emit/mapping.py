"""How rows of a file become events: the mapping, typed."""

import re
from collections.abc import Collection
from datetime import datetime
from string import Formatter
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from contracts import Contract
from triggers.emit.instants import zone_of

ROW = "row"
"""In an id template: the number of the data row, from 1, whatever the row holds."""

FieldType = Literal["string", "integer", "number", "decimal", "boolean"]
Text = Annotated[str, Field(min_length=1, max_length=256)]
EventTypeName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$", max_length=256)]


def _quoted(value: Any) -> Any:
    if isinstance(value, int):
        raise ValueError('YAML reads this as a number; write an offset in quotes, such as "+01:00"')
    return value


def _constant(value: Any) -> Any:
    return {"default": value} if isinstance(value, str) else value


def _known_zone(value: str) -> str:
    zone_of(value)
    return value


def _known_format(value: str) -> str:
    day = datetime(2013, 11, 23)  # noqa: DTZ001 - only its date is compared
    if value == "iso":
        return value
    try:
        parsed = datetime.strptime(day.strftime(value), value)  # noqa: DTZ007 - likewise
    except (ValueError, re.error) as error:
        raise ValueError(f"{value!r} is neither iso nor a strptime format: {error}") from error
    if parsed.date() != day.date():
        raise ValueError(f"{value!r} does not hold year, month and day")
    return value


def template_names(template: str) -> list[str]:
    """The columns (or `row`) that a template names, in order.

    Raises:
        ValueError: the braces do not match, or hold more than a name.
    """
    names = []
    for _, name, form, conversion in Formatter().parse(template):
        if name is None:
            continue
        if not name or form or conversion:
            raise ValueError(f"{template!r}: write a column's name in braces and nothing else, such as row-{{row}}")
        names.append(name)
    return names


def _template(value: str) -> str:
    if not template_names(value):
        raise ValueError(f"{value!r} is the same for every row; name {{row}} or columns that tell rows apart")
    return value


class When(Contract):
    """A test of one column's text; an absent value is the empty text."""

    field: Text
    equals: str | None = None
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


class TimeSpec(Contract):
    """When the event happened. `format` is `iso` or a `strptime` format; an offset in the text beats `zone`.

    `ambiguous` local times (the hour that a change to winter time repeats) are taken as the `earlier` or the `later`
    instant, or refused. `nonexistent` ones (the hour that a change to summer time skips) are refused, or shifted: read
    with the offset before the change, as a clock would show that nobody has put forward.
    """

    column: Text
    format: Annotated[Text, AfterValidator(_known_format)] = "iso"
    zone: Annotated[Text, BeforeValidator(_quoted), AfterValidator(_known_zone)] | None = None
    ambiguous: Literal["earlier", "later", "refuse"] = "earlier"
    nonexistent: Literal["refuse", "shift"] = "refuse"


class FieldSpec(Contract):
    """Where a field of the event's data comes from; an `optional` one is left out where the row has no value."""

    column: Text = Field(alias="from")
    type: FieldType = "string"
    optional: bool = False


class MappingSpec(Contract):
    """A mapping file. Rows are deduplicated downstream by (`source`, `id`), so ids must tell rows apart."""

    topic: Text
    type: Annotated[TypeSpec, BeforeValidator(_constant)]
    source: Text
    id: Annotated[Text, AfterValidator(_template)]
    time: TimeSpec
    key: Text | None = None
    fields: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)], FieldSpec] = Field(min_length=1)

    def columns(self) -> list[tuple[tuple[str, ...], str]]:
        """Every column that the mapping names, behind the place where it does."""
        named: list[tuple[tuple[str, ...], str]] = [(("time", "column"), self.time.column)]
        named += [(("id",), name) for name in template_names(self.id) if name != ROW]
        if self.key is not None:
            named.append((("key",), self.key))
        for index, case in enumerate(self.type.cases):
            named.append((("type", "cases", str(index), "when", "field"), case.when.field))
        return named + [(("fields", name, "from"), spec.column) for name, spec in self.fields.items()]

    def unknown(self, columns: Collection[str]) -> list[tuple[tuple[str, ...], str]]:
        """The places that name a column which is not among these, and what is wrong there."""
        known = ", ".join(columns)
        return [
            (place, f"the file has no column {name!r}; it has {known}")
            for place, name in self.columns()
            if name not in columns
        ]
