"""Which units a pane saw and how their attributes are spread: bounded, mergeable, the same in any order."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from hashlib import blake2b
from operator import itemgetter
from typing import Any, Self

from agents.explanation.tables import VALUE_LENGTH, Key, Table, subjects, table_from, to_contract
from contracts import WindowCounts

VERSION = 1
OPEN_LINES = 16_384
"""Distinct (unit, attributes) lines that an open tally holds before it samples units."""
VALUES = 64
"""Values that a table hands on, in contracts.WindowCounts; the rest is `other`."""
CLOSED_VALUES = 256
"""Values a table keeps when its pane closes: wider than what it hands on, so that sums over panes stay true."""
MERGED_VALUES = 4_096
"""Values a table keeps when closed panes are added up."""


def _fingerprint(unit: str) -> int:
    return int.from_bytes(blake2b(unit.encode(), digest_size=8).digest(), "big")


class Tally:
    """Counts of one pane of one measure key, or of several panes added up.

    While open it knows its unit ids, so a unit that comes in many events counts once, and once for each value that any
    of its events carries; a pair of values counts when one event carries both. Empty and missing attributes are not
    counted. `close` forgets the ids and keeps at most `CLOSED_VALUES` values a table.

    Beyond `bound` lines an open tally samples: it keeps the units whose hash ends in `level` zero bits, and every count
    is multiplied by 2**level (distinct sampling: Gibbons 2001). The sample depends on the units alone, not on their
    order or partition; the standard error of `units` is then about (units kept) ** -0.5. A unit that alone has more
    than `bound` distinct lines drops out of the sample.
    """

    __slots__ = ("_level", "_lines", "_tables", "_total", "_units", "bound", "dimensions")

    def __init__(self, dimensions: tuple[str, ...], bound: int = OPEN_LINES) -> None:
        self.dimensions = tuple(dimensions)
        self.bound = bound
        self._level = 0
        self._units: set[str] = set()
        self._lines: set[Key] = set()
        self._total = 0
        self._tables: list[Table] | None = None

    @property
    def closed(self) -> bool:
        return self._tables is not None

    @property
    def units(self) -> int:
        """Distinct units; exact until the tally had to sample."""
        return self._total if self.closed else len(self._units) << self._level

    def add(self, unit: str, attributes: Mapping[str, str]) -> bool:
        """Count one event of a unit.

        Returns:
            True when the unit is new in this pane. Once the tally samples, False for the units that it left out:
            read `units` for the number.

        Raises:
            ValueError: the tally is closed.
        """
        if self._tables is not None:
            raise ValueError(f"unit {unit!r}: the tally is closed; add to an open one and merge")
        if self._level and not self._sampled(unit):
            return False
        new = unit not in self._units
        if new:
            self._units.add(unit)
        self._lines.add((unit, *[attributes.get(name, "") for name in self.dimensions]))
        if len(self._lines) > self.bound:
            self._thin()
            return new and unit in self._units
        return new

    def add_lines(self, lines: Iterable[Key]) -> None:
        """Count many events at once, each as (unit, a value for each dimension in order), "" where it has none.

        Raises:
            ValueError: the tally is closed.
        """
        if self._tables is not None:
            raise ValueError("add_lines: the tally is closed; add to an open one and merge")
        new = set(lines)
        self._units.update(map(itemgetter(0), new))
        self._lines |= new
        self._keep_sampled()
        self._thin()

    def close(self) -> None:
        """Forget the unit ids, keep the counts. Closing twice is closing once."""
        if self._tables is None:
            units, *columns = zip(*self._lines, strict=True) if self._lines else ((), *[()] * len(self.dimensions))
            spread = [_Column(column) for column in columns]
            self._tables = [
                self._table(units, [spread[position] for position in positions])
                for positions in subjects(len(self.dimensions))
            ]
            self._total = len(self._units) << self._level
            self._units, self._lines, self._level = set(), set(), 0

    def merge(self, other: "Tally") -> None:
        """Take in another tally of the same dimensions.

        Two open ones are parts of one pane (its partitions): a unit seen in both counts once. Two closed ones are
        different panes: their units add up. Both ways the order does not matter, for closed ones as long as no table
        outgrows `MERGED_VALUES`.

        Raises:
            ValueError: the dimensions differ, or one is open and the other closed.
        """
        if self.dimensions != other.dimensions:
            raise ValueError(f"dimensions: {other.dimensions} cannot be merged into {self.dimensions}")
        if self.closed != other.closed:
            raise ValueError("merge: one tally is open and one closed; close both, or merge before closing")
        if self._tables is None:
            self._level = max(self._level, other._level)
            self._units |= other._units
            self._lines |= other._lines
            self._keep_sampled()
            self._thin()
            return
        self._total += other._total
        for mine, theirs in zip(self._tables, other._tables or (), strict=True):
            mine.add(theirs.counts, theirs.other)
            mine.cut(MERGED_VALUES)

    def tables(self) -> list[Table]:
        """The counts, in the order of `tables.subjects`; of an open tally as if it closed now."""
        if self._tables is not None:
            return self._tables
        closed = copy(self)
        closed.close()
        return closed._tables or []

    def counts(self, start: int, end: int, duration: int) -> WindowCounts:
        """The counts as evidence for [`start`, `end`), of which `duration` was covered (microseconds)."""
        dimensions = to_contract(self.dimensions, self.tables(), VALUES)
        return WindowCounts(start=start, end=end, duration=duration, units=self.units, dimensions=dimensions)

    def snapshot(self) -> dict[str, Any]:
        """JSON primitives; the same for the same content, in whatever order it came."""
        state: dict[str, Any] = {"version": VERSION, "dimensions": list(self.dimensions), "bound": self.bound}
        if self._tables is None:
            return state | {"level": self._level, "lines": [list(line) for line in sorted(self._lines)]}
        return state | {"units": self._total, "tables": [table.to_json() for table in self._tables]}

    @classmethod
    def restore(cls, snapshot: Mapping[str, Any]) -> Self:
        """The tally that a snapshot was taken of.

        Raises:
            ValueError: the snapshot is of a newer version.
        """
        if snapshot["version"] > VERSION:
            raise ValueError(f"version: a tally of version {snapshot['version']} is newer than {VERSION}; upgrade")
        tally = cls(tuple(snapshot["dimensions"]), snapshot["bound"])
        if "tables" in snapshot:
            tally._total = snapshot["units"]
            tally._tables = [table_from(data) for data in snapshot["tables"]]
        else:
            tally._level = snapshot["level"]
            tally._lines = {tuple(line) for line in snapshot["lines"]}
            tally._units = {line[0] for line in tally._lines}
        return tally

    def _sampled(self, unit: str) -> bool:
        return _fingerprint(unit) & ((1 << self._level) - 1) == 0

    def _thin(self) -> None:
        while len(self._lines) > self.bound:
            self._level += 1
            self._keep_sampled()

    def _keep_sampled(self) -> None:
        if self._level:
            self._units = {unit for unit in self._units if self._sampled(unit)}
            self._lines = {line for line in self._lines if line[0] in self._units}

    def _table(self, units: tuple[str, ...], wanted: Sequence["_Column"]) -> Table:
        found: Counter[Key]
        if not all(column.any for column in wanted):
            return Table()
        values = [column.values for column in wanted]
        if len(self._lines) > len(self._units):  # some unit came in several lines: count it once per value
            found = Counter(line[1:] for line in set(zip(units, *values, strict=True)))
        else:
            found = Counter(zip(*values, strict=True))
        table = Table()
        if self._level == 0 and all(column.plain for column in wanted):
            table.counts = dict(found)
        else:
            self._sift(found, table)
        table.cut(CLOSED_VALUES)
        return table

    def _sift(self, found: Mapping[Key, int], table: Table) -> None:
        for key, units in found.items():
            if "" in key:
                continue
            if len(key[0]) > VALUE_LENGTH or len(key[-1]) > VALUE_LENGTH:
                table.other += units << self._level
            else:
                table.counts[key] = units << self._level


class _Column:
    """A dimension's values, a line each. `any`: some line has one. `plain`: every line has one of a usual length."""

    __slots__ = ("any", "plain", "values")

    def __init__(self, values: tuple[str, ...]) -> None:
        self.values, self.any = values, any(values)
        self.plain = all(values) and max(map(len, values), default=0) <= VALUE_LENGTH
