"""Open panes of event time: what events add up to before their pane closes."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from agents.explanation import Tally
from contracts import Measure

LARGEST = 1e60
"""Detectors square a pane's number and multiply squares: beyond this they would come to infinity, then to nothing."""


class Pane:
    """One measure's values in one pane of one key. Counts keep a tally, continuous measures an aggregate."""

    __slots__ = ("last", "last_at", "partials", "samples", "tally", "top", "under")

    def __init__(self, tally: Tally | None) -> None:
        self.tally = tally
        self.samples = 0
        self.partials: list[float] = []
        self.under: float | None = None
        self.top: float | None = None
        self.last: float | None = None
        self.last_at: tuple[int, str] | None = None

    def add_number(self, value: float, at: tuple[int, str]) -> None:
        """`at` is (time, event id). The last value does not depend on the order of arrival: where two sources have an
        id and a time in common it is the greater of the two."""
        self.samples += 1
        self._add(value)
        self.under = value if self.under is None else min(self.under, value)
        self.top = value if self.top is None else max(self.top, value)
        self._keep_last(value, at)

    def add_lines(self, lines: Sequence[tuple[str, ...]]) -> None:
        """Count events, each as (unit, values of the dimensions)."""
        self.samples += len(lines)
        if self.tally is not None:
            self.tally.add_lines(lines)

    def merge(self, other: "Pane") -> None:
        """Take in another part of the same pane; the order of the parts does not matter, to the last bit."""
        self.samples += other.samples
        for partial in other.partials:
            self._add(partial)
        for value in (other.under, other.top):
            if value is not None:
                self.under = value if self.under is None else min(self.under, value)
                self.top = value if self.top is None else max(self.top, value)
        if other.last is not None and other.last_at is not None:
            self._keep_last(other.last, other.last_at)
        if self.tally is not None and other.tally is not None:
            self.tally.merge(other.tally)

    def _keep_last(self, value: float, at: tuple[int, str]) -> None:
        if self.last is None or self.last_at is None or at > self.last_at:
            self.last, self.last_at = value, at
        elif at == self.last_at:
            self.last = max(self.last, value)

    def _add(self, value: float) -> None:
        """Exact sum as floats that do not overlap (Shewchuk 1997), so that it does not depend on the order."""
        kept = []
        for part in self.partials:
            high, low = (value, part) if abs(value) >= abs(part) else (part, value)
            value = high + low
            rest = low - (value - high)
            if rest:
                kept.append(rest)
        self.partials = [*kept, value]

    def value(self, aggregate: str) -> float | None:
        """The pane's number; None where a continuous series had no sample."""
        if aggregate == "distinct":
            return float(self.tally.units if self.tally else 0)
        if aggregate == "count":
            return float(self.samples)
        if self.samples == 0:
            return None
        if aggregate == "sum":
            return math.fsum(self.partials)
        if aggregate == "mean":
            return math.fsum(self.partials) / self.samples
        return {"min": self.under, "max": self.top, "last": self.last}[aggregate]

    def snapshot(self) -> dict[str, Any]:
        return {
            "tally": self.tally.snapshot() if self.tally else None,
            "numbers": [self.samples, self.partials, self.under, self.top, self.last],
            "last_at": list(self.last_at) if self.last_at else None,
        }

    @classmethod
    def restore(cls, doc: Mapping[str, Any]) -> "Pane":
        pane = cls(Tally.restore(doc["tally"]) if doc["tally"] else None)
        pane.samples, partials, pane.under, pane.top, pane.last = doc["numbers"]
        pane.partials = partials if isinstance(partials, list) else [partials]
        pane.last_at = (doc["last_at"][0], doc["last_at"][1]) if doc["last_at"] else None
        return pane

    @classmethod
    def of(cls, measure: Measure) -> "Pane":
        """An empty pane of a measure."""
        tallied = measure.dimensions or measure.aggregate == "distinct"
        return cls(Tally(measure.dimensions) if tallied else None)


Parts = Mapping[str, Pane]
"""What a pane holds, key by key."""


def merge_parts(into: dict[str, Pane], parts: Parts) -> None:
    """Add parts of a pane to those that are there. `into` takes over the panes of keys that it did not have."""
    for key, pane in parts.items():
        if key in into:
            into[key].merge(pane)
        else:
            into[key] = pane


def number(value: object) -> float | None:
    """A number up to `LARGEST` on either side of 0, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):  # an integer may be beyond every float
        return None
    return found if abs(found) <= LARGEST else None
