"""What is done to an event between its topic and the measures: filtering and enrichment."""

from collections.abc import Callable
from typing import Any

import msgspec

from agents.mapping.columns import Columns
from agents.mapping.value_columns import texts
from agents.mapping.values import text_of
from contracts import Enrich, Event, StreamSpec

_Step = Callable[[dict[str, Any]], None]
_ColumnStep = Callable[[dict[str, list[Any]], int], None]


class Steps:
    """A stream's `keep` and `enrich`, in their order."""

    def __init__(self, stream: StreamSpec) -> None:
        self._keep = [(test.field, test.compiled()) for test in stream.keep]
        self._enrich = [_constant(step) if step.set is not None else _lookup(step) for step in stream.enrich]
        self._columns = [_constants(step) if step.set is not None else _lookups(step) for step in stream.enrich]

    def apply(self, event: Event) -> Event | None:
        """The event as it is counted; None when it is filtered out."""
        if not all(passes(event.data.get(name)) for name, passes in self._keep):
            return None
        if not self._enrich:
            return event
        data = dict(event.data)
        for step in self._enrich:
            step(data)
        return msgspec.structs.replace(event, data=data)

    def apply_all(self, columns: Columns) -> Columns:
        """What `apply` says of each; the others are filtered out."""
        for name, passes in self._keep:
            columns = columns.only([passes(value) for value in _column(columns.fields, name, len(columns.places))])
        if self._columns:
            columns.fields = dict(columns.fields)
        for step in self._columns:
            step(columns.fields, len(columns.places))
        return columns


def _constant(step: Enrich) -> _Step:
    name, value = step.set or "", step.to

    def put(data: dict[str, Any]) -> None:
        data[name] = value

    return put


def _constants(step: Enrich) -> _ColumnStep:
    name, value = step.set or "", step.to

    def put(fields: dict[str, list[Any]], count: int) -> None:
        fields[name] = [value] * count

    return put


def _lookup(step: Enrich) -> _Step:
    rows, on, take, otherwise = _rows(step), step.on or "", tuple(step.take.items()), step.missing

    def look_up(data: dict[str, Any]) -> None:
        row = rows.get(_key(data.get(on)), {})
        for name, column in take:
            value = row.get(column)
            if value is None:
                value = otherwise
            if value is not None:
                data[name] = value

    return look_up


def _lookups(step: Enrich) -> _ColumnStep:
    rows, on, take, otherwise = _rows(step), step.on or "", tuple(step.take.items()), step.missing

    def look_up(fields: dict[str, list[Any]], count: int) -> None:
        keys = [text or "" for text in texts(_column(fields, on, count), set())]
        found = {key: rows.get(key, {}) for key in set(keys)}
        for name, column in take:
            values = {key: row.get(column) for key, row in found.items()}
            taken = {key: otherwise if value is None else value for key, value in values.items()}
            before = _column(fields, name, count)
            new = map(taken.__getitem__, keys)
            fields[name] = [old if value is None else value for value, old in zip(new, before, strict=True)]

    return look_up


def _rows(step: Enrich) -> dict[str, dict[str, Any]]:
    """A table that was not loaded is a fault of the program: the pack's loader does it."""
    if step.rows is None:
        raise ValueError(f"table: {step.table!r} was not read; load the pack with forestall.packs.load_pack")
    return step.rows


def _column(fields: dict[str, list[Any]], name: str, count: int) -> list[Any]:
    return fields[name] if name in fields else [None] * count


def _key(value: object) -> str:
    """What no text stands for is in no table."""
    if value is None:
        return ""
    try:
        return text_of(value)
    except ValueError:
        return ""
