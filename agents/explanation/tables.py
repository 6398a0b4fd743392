"""What a tally keeps: units per value of each dimension, and per value pair of each two, cut to a bound."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from operator import itemgetter
from typing import Any

from contracts import DimensionCounts, ValueCount

VALUE_LENGTH = 256
"""Characters; a longer value is counted under `other`."""

Key = tuple[str, ...]


def subjects(dimensions: int) -> list[tuple[int, ...]]:
    """What gets a table: every dimension, then every pair of dimensions, by position."""
    positions = range(dimensions)
    return [*((position,) for position in positions), *combinations(positions, 2)]


@dataclass(slots=True)
class Table:
    """Units per value. `other` sums what was left out: a unit counts there once per value that was left out."""

    counts: dict[Key, int] = field(default_factory=dict)
    other: int = 0

    def add(self, counts: Mapping[Key, int], other: int) -> None:
        for key, units in counts.items():
            self.counts[key] = self.counts.get(key, 0) + units
        self.other += other

    def cut(self, bound: int) -> None:
        """Keep the `bound` most frequent values; ties go to the value that sorts first."""
        if len(self.counts) <= bound:
            return
        ranked = self.ranked()
        self.other += sum(item[1] for item in ranked[bound:])
        self.counts = dict(ranked[:bound])

    def ranked(self) -> list[tuple[Key, int]]:
        """The most frequent first, ties by value: the same list in whatever order the units came."""
        return sorted(sorted(self.counts.items()), key=itemgetter(1), reverse=True)

    def to_json(self) -> dict[str, Any]:
        return {"counts": [[list(value), units] for value, units in self.ranked()], "other": self.other}


def table_from(data: Mapping[str, Any]) -> Table:
    """The inverse of `Table.to_json`."""
    return Table({tuple(value): units for value, units in data["counts"]}, data["other"])


def to_contract(
    dimensions: tuple[str, ...], tables: Iterable[Table], values: int, scale: float = 1
) -> tuple[DimensionCounts, ...]:
    """Tables in the order of `subjects` in whole units: times `scale`, rounded, the first `values` of each."""
    result = []
    for positions, table in zip(subjects(len(dimensions)), tables, strict=True):
        ranked = [(key, round(units * scale)) for key, units in table.ranked()]
        kept = [ValueCount(values=key, units=units) for key, units in ranked[:values] if units]
        left_out = sum(units for _, units in ranked[values:]) + round(table.other * scale)
        names = tuple(dimensions[position] for position in positions)
        result.append(DimensionCounts(dimensions=names, counts=tuple(kept), other=left_out))
    return tuple(result)
