"""Streams: topics whose messages are events, or become events by a mapping."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from contracts.base import Contract, Json
from contracts.mapping import EventMapping, FieldName, Text, misplaced

Scalar = str | bool | int | float


class Where(Contract):
    """Keep events whose `field` satisfies exactly one of the tests."""

    field: str
    equals: Any = None
    prefix: str | None = None
    one_of: tuple[Any, ...] | None = None

    @model_validator(mode="after")
    def _one_test(self) -> "Where":
        if sum(test is not None for test in (self.equals, self.prefix, self.one_of)) != 1:
            raise ValueError("give exactly one of equals, prefix, one_of")
        return self

    def compiled(self) -> Callable[[Any], bool]:
        """The test, ready to be asked of the field's value; None, where there is no such field, does not pass."""
        if self.prefix is not None:
            prefix = self.prefix
            return lambda value: isinstance(value, str) and value.startswith(prefix)
        if self.one_of is not None:
            allowed = tuple(each for each in self.one_of if each is not None)
            return lambda value: value in allowed
        wanted = self.equals
        return lambda value: bool(value == wanted)


class EventType(Contract):
    """What an event of this type must carry: JSON Schema of its `data`."""

    type: str
    data: dict[str, Any] = Field(default_factory=dict, description="JSON Schema of the event's data")


class Enrich(Contract):
    """One step that adds fields to the data: from a table, or (`set`) a constant `to`.

    `table` is a CSV or JSON file of the pack. The row whose `match` has the text of the data's field `on` gives
    `take`: the data's new fields, each from a column. Where no row fits they are `missing`, or left out without it.
    """

    table: Text | None = None
    on: FieldName | None = None
    match: Text | None = None
    take: dict[FieldName, Text] = Field(default_factory=dict)
    missing: Scalar | None = None
    set: FieldName | None = None
    to: Scalar | None = None
    rows: dict[str, dict[str, Scalar | None]] | None = Field(
        default=None, description="the table by `match`; the pack's loader reads it from `table`", repr=False
    )

    @model_validator(mode="after")
    def _one_kind(self) -> "Enrich":
        if (self.set is None) == (self.table is None):
            raise ValueError("give exactly one of table, set")
        if self.set is not None and (self.to is None or self.on or self.match or self.take or self.rows):
            raise misplaced("set", "needs `to`, the field's value, and nothing else")
        if self.set is None and not (self.on and self.match and self.take):
            raise misplaced("table", "needs `on`, a field of the event, `match`, a column, and `take`, field: column")
        return self

    @property
    def adds(self) -> dict[str, Json]:
        """The fields that it adds, each with its JSON Schema."""
        if self.set is not None:
            return {self.set: {"const": self.to}}
        return {name: {} for name in self.take}

    @property
    def always(self) -> bool:
        """Whether every event gets the fields."""
        return self.set is not None or self.missing is not None


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"no regular expression: {error}; write one that the topics' names fit") from error
    return value


class StreamSpec(Contract):
    """One topic, or all whose names fit the pattern `topics`. Its messages are events, or become events by `mapping`.

    What is not declared in `types` is a dead letter, unless `others` is `ignore`. With a mapping they follow from it.
    Events that `keep` does not let through are left out and counted. Then `enrich` adds fields, and the result is
    published to `processed`, where that is named, before it is counted (at least once, with the same ids).
    """

    topic: Text | None = None
    topics: Annotated[Text, AfterValidator(_pattern)] | None = None
    format: Literal["cloudevents", "json", "avro"] = "cloudevents"
    avro_schema: Text | Json | None = Field(default=None, alias="schema")
    mapping: EventMapping | None = None
    keep: tuple[Where, ...] = Field(default=(), max_length=32)
    enrich: tuple[Enrich, ...] = Field(default=(), max_length=32)
    processed: Text | None = None
    types: tuple[EventType, ...] = ()
    others: Literal["dead_letter", "ignore"] = "dead_letter"

    @property
    def name(self) -> str:
        """The topic, or the pattern: what tells the stream apart within its pack."""
        return self.topic or self.topics or ""

    @property
    def steps(self) -> bool:
        """Whether anything is done to an event before it is counted."""
        return bool(self.mapping or self.keep or self.enrich or self.processed)

    @model_validator(mode="before")
    @classmethod
    def _format_follows(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("mapping") is not None and given.get("format") is None:
            return {**given, "format": "json"}
        return given

    @model_validator(mode="after")
    def _parts_fit(self) -> "StreamSpec":
        if (self.topic is None) == (self.topics is None):
            raise misplaced("topics" if self.topic else "", "give exactly one of topic, topics")
        if self.processed is not None and self.reads(self.processed):
            raise misplaced("processed", "the stream reads this topic itself; choose another")
        if (self.format == "cloudevents") != (self.mapping is None):
            rule = "json and avro need `mapping`, and cloudevents takes none; correct one of them"
            raise misplaced("format" if self.mapping is None else "mapping", rule)
        if self.avro_schema is not None and self.format != "avro":
            raise misplaced("schema", "belongs to format: avro; remove it or correct the format")
        if self.mapping is not None and self.mapping.of_rows:
            rule = "only files have a {row}; name fields that tell messages apart, or remove it"
            raise misplaced("mapping.id", rule)
        if not self.types:
            object.__setattr__(self, "types", self.derived_types())
        return self

    def reads(self, topic: str) -> bool:
        """Whether the topic's messages are the stream's."""
        return topic == self.topic if self.topics is None else re.fullmatch(self.topics, topic) is not None

    def derived_types(self) -> tuple[EventType, ...]:
        """What follows from the mapping and `enrich`: every event that comes of them is as declared here."""
        if self.mapping is None:
            raise misplaced("types", "missing; declare what comes, or say by `mapping` how messages become events")
        schema = self.mapping.schema_of_data()
        for step in self.enrich:
            schema["properties"] |= step.adds
            schema["required"] += step.adds if step.always else ()
        return tuple(EventType(type=name, data=schema) for name in self.mapping.type.names)
