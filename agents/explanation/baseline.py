"""What is normal: many quiet panes in one bounded aggregate that forgets slowly."""

from collections.abc import Mapping
from typing import Any, Self

from agents.explanation.tables import Table, subjects, table_from, to_contract
from agents.explanation.tally import Tally
from contracts import DAY, WindowCounts

VERSION = 1
HALF_LIFE = 10 * DAY
"""Of absorbed time. The weights then add up to HALF_LIFE / ln 2, 14.4 days' worth of units."""
KEPT_VALUES = 128
"""A table is cut to this many values."""
SLACK_VALUES = 256
"""It may grow to this many before it is cut, so that a newcomer has time to become frequent. All are handed on: the
more the baseline lists, the surer it is that a value which it does not list was rare."""
_ONE = 1_024
"""The weight of the first pane. Weights are whole numbers, so sums are exact and a snapshot is short."""
_RESCALE = 1_024 * _ONE


class BaselineTally:
    """Units of normal panes, weighted by age.

    A pane's weight halves with every `half_life` of time absorbed after it (forward decay, Cormode et al. 2009: new
    panes are weighted up instead of old ones down, so absorbing touches only the values that the pane saw). Age is
    absorbed time, not time on the clock: what was left out, an incident or a silence, makes nothing forget.
    """

    __slots__ = ("_age", "_duration", "_end", "_start", "_tables", "_units", "dimensions", "half_life")

    def __init__(self, dimensions: tuple[str, ...], half_life: int = HALF_LIFE) -> None:
        self.dimensions = tuple(dimensions)
        self.half_life = half_life
        self._age = 0
        self._units = 0
        self._duration = 0
        self._start: int | None = None
        self._end = 0
        self._tables = [Table() for _ in subjects(len(self.dimensions))]

    def absorb(self, pane: Tally, start: int, duration: int) -> None:
        """Take in a closed pane that began at `start` and lasted `duration` (microseconds).

        Raises:
            ValueError: the pane is open, or its dimensions differ.
        """
        if not pane.closed:
            raise ValueError("pane: still open; close it before it becomes part of the baseline")
        if pane.dimensions != self.dimensions:
            raise ValueError(f"dimensions: a pane of {pane.dimensions} does not fit a baseline of {self.dimensions}")
        self._age += duration
        weight = self._weight()
        self._units += weight * pane.units
        self._duration += weight * duration
        for mine, theirs in zip(self._tables, pane.tables(), strict=True):
            mine.add({key: weight * units for key, units in theirs.counts.items()}, weight * theirs.other)
            if len(mine.counts) > SLACK_VALUES:
                mine.cut(KEPT_VALUES)
        self._start = start if self._start is None else min(self._start, start)
        self._end = max(self._end, start + duration)
        if weight > _RESCALE:
            self._rescale(weight)

    def counts(self) -> WindowCounts:
        """The weighted counts in whole units of today's weight; `duration` is weighted alike."""
        scale = 1 / self._weight()
        return WindowCounts(
            start=self._start or 0,
            end=self._end,
            duration=round(self._duration * scale),
            units=round(self._units * scale),
            dimensions=to_contract(self.dimensions, self._tables, SLACK_VALUES, scale),
        )

    def snapshot(self) -> dict[str, Any]:
        """JSON primitives, bounded by `SLACK_VALUES` values a table."""
        return {
            "version": VERSION,
            "dimensions": list(self.dimensions),
            "half_life": self.half_life,
            "age": self._age,
            "units": self._units,
            "duration": self._duration,
            "start": self._start,
            "end": self._end,
            "tables": [table.to_json() for table in self._tables],
        }

    @classmethod
    def restore(cls, snapshot: Mapping[str, Any]) -> Self:
        """The baseline that a snapshot was taken of; it goes on exactly as if it had never stopped.

        Raises:
            ValueError: the snapshot is of a newer version.
        """
        if snapshot["version"] > VERSION:
            raise ValueError(f"version: a baseline of version {snapshot['version']} is newer than {VERSION}; upgrade")
        baseline = cls(tuple(snapshot["dimensions"]), snapshot["half_life"])
        baseline._age = snapshot["age"]
        baseline._units = snapshot["units"]
        baseline._duration = snapshot["duration"]
        baseline._start = snapshot["start"]
        baseline._end = snapshot["end"]
        baseline._tables = [table_from(data) for data in snapshot["tables"]]
        return baseline

    def _weight(self) -> int:
        growth: float = 2.0 ** min(64.0, self._age / self.half_life)
        return round(_ONE * growth)

    def _rescale(self, weight: int) -> None:
        """Bring today's weight back to that of a first pane; what has become nothing goes."""
        self._age = 0
        self._units = round(self._units * _ONE / weight)
        self._duration = round(self._duration * _ONE / weight)
        for table in self._tables:
            scaled = {key: round(units * _ONE / weight) for key, units in table.counts.items()}
            table.counts = {key: units for key, units in scaled.items() if units}
            table.other = round(table.other * _ONE / weight)
