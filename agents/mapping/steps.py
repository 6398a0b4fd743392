"""What is done to an event between its topic and the measures: filtering and enrichment."""

from collections.abc import Callable
from typing import Any

import msgspec

from agents.mapping.values import text_of
from contracts import Enrich, Event, StreamSpec

_Step = Callable[[dict[str, Any]], None]


class Steps:
    """A stream's `keep` and `enrich`, in their order."""

    def __init__(self, stream: StreamSpec) -> None:
        self._keep = [(test.field, test.compiled()) for test in stream.keep]
        self._enrich = [_constant(step) if step.set is not None else _lookup(step) for step in stream.enrich]

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


def _constant(step: Enrich) -> _Step:
    name, value = step.set or "", step.to

    def put(data: dict[str, Any]) -> None:
        data[name] = value

    return put


def _lookup(step: Enrich) -> _Step:
    """A table that was not loaded is a fault of the program: the pack's loader does it."""
    if step.rows is None:
        raise ValueError(f"table: {step.table!r} was not read; load the pack with forestall.packs.load_pack")
    rows, on, take, otherwise = step.rows, step.on or "", tuple(step.take.items()), step.missing

    def look_up(data: dict[str, Any]) -> None:
        row = rows.get(_key(data.get(on)), {})
        for name, column in take:
            value = row.get(column)
            if value is None:
                value = otherwise
            if value is not None:
                data[name] = value

    return look_up


def _key(value: object) -> str:
    """What no text stands for is in no table."""
    if value is None:
        return ""
    try:
        return text_of(value)
    except ValueError:
        return ""
