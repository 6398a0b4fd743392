"""Open panes of event time: what events add up to before their pane closes."""

import math
from collections.abc import Mapping
from typing import Any

from agents.explanation import Tally
from contracts import Event, Measure, Where


class Pane:
    """One measure's values in one pane of one key. Counts keep a tally, continuous measures an aggregate."""

    __slots__ = ("last", "last_at", "samples", "tally", "top", "total", "under")

    def __init__(self, tally: Tally | None) -> None:
        self.tally = tally
        self.samples = 0
        self.total = 0.0
        self.under: float | None = None
        self.top: float | None = None
        self.last: float | None = None
        self.last_at: tuple[int, str] | None = None

    def add_number(self, value: float, at: tuple[int, str]) -> None:
        """`at` is (time, event id): the last value does not depend on the order of arrival."""
        self.samples += 1
        self.total += value
        self.under = value if self.under is None else min(self.under, value)
        self.top = value if self.top is None else max(self.top, value)
        if self.last_at is None or at >= self.last_at:
            self.last, self.last_at = value, at

    def value(self, aggregate: str) -> float | None:
        """The pane's number; None where a continuous series had no sample."""
        if aggregate == "distinct":
            return float(self.tally.units if self.tally else 0)
        if aggregate == "count":
            return float(self.samples)
        if self.samples == 0:
            return None
        if aggregate == "sum":
            return self.total
        if aggregate == "mean":
            return self.total / self.samples
        return {"min": self.under, "max": self.top, "last": self.last}[aggregate]

    def snapshot(self) -> dict[str, Any]:
        return {
            "tally": self.tally.snapshot() if self.tally else None,
            "numbers": [self.samples, self.total, self.under, self.top, self.last],
            "last_at": list(self.last_at) if self.last_at else None,
        }

    @classmethod
    def restore(cls, doc: Mapping[str, Any]) -> "Pane":
        pane = cls(Tally.restore(doc["tally"]) if doc["tally"] else None)
        pane.samples, pane.total, pane.under, pane.top, pane.last = doc["numbers"]
        pane.last_at = (doc["last_at"][0], doc["last_at"][1]) if doc["last_at"] else None
        return pane


def keeps(where: tuple[Where, ...], data: Mapping[str, Any]) -> bool:
    """Whether an event's data passes every test; a missing field passes none."""
    for test in where:
        value = data.get(test.field)
        if test.prefix is not None:
            kept = isinstance(value, str) and value.startswith(test.prefix)
        elif test.one_of is not None:
            kept = value in test.one_of
        else:
            kept = value == test.equals
        if not kept:
            return False
    return True


def missing(measure: Measure, data: Mapping[str, Any]) -> str | None:
    """What an event's data lacks for this measure, in words; None when it has everything."""
    for role, name in (("key", measure.key), ("unit", measure.unit), ("field", measure.field)):
        if name is not None and data.get(name) in (None, ""):
            return f"data.{name}: missing ({role})"
    if measure.aggregate not in ("distinct", "count") and number(data.get(measure.field or "")) is None:
        return f"data.{measure.field}: {data.get(measure.field or '')!r} is no finite number"
    return None


def number(value: object) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def add_event(pane: Pane, measure: Measure, event: Event) -> None:
    """Count an event for which `missing` has nothing to say."""
    data = event.data
    if measure.aggregate in ("distinct", "count"):
        pane.samples += 1
        if pane.tally is not None:
            unit = str(data[measure.unit]) if measure.unit else event.id
            pane.tally.add(unit, {name: str(data[name]) for name in measure.dimensions if data.get(name) is not None})
        return
    value = number(data[measure.field or ""])
    assert value is not None
    pane.add_number(value, (event.time, event.id))
