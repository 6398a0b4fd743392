"""Counting one partition's events into panes: a pure function of a batch, the partition's clock and what is closed."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agents.monitoring.clocks import Floor, PartitionClock
from agents.monitoring.panes import Pane, number
from agents.monitoring.readings import Readings
from agents.monitoring.refused import KEY_MAX_CHARACTERS, Refused, refused_for
from agents.monitoring.timing import Timing, timed
from contracts import Measure, PackManifest, StreamSpec

ALL = "all"
"""The key of a measure that is not split."""
MAX_KEYS = 1_000
"""Series a measure may have; events of further keys are counted as `keys_refused`."""
Keys = Mapping[str, Collection[str]]


@dataclass(slots=True)
class Counted:
    """What a batch adds: parts of panes by (measure, start), keys that are new, and the partition's clock after it."""

    clock: PartitionClock
    parts: dict[tuple[str, int], dict[str, Pane]] = field(default_factory=dict)
    new_keys: dict[str, set[str]] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    late: int = 0
    keys_refused: int = 0

    def below(self, closed_until: Mapping[str, int]) -> bool:
        """Whether a part lies in a pane that is closed by now."""
        return any(start < closed_until.get(measure, start) for measure, start in self.parts)


def measures_of(manifest: PackManifest, stream: StreamSpec) -> tuple[Measure, ...]:
    """The measures that this stream's events make up."""
    types = {declared.type for declared in stream.types}
    return tuple(measure for measure in manifest.measures if set(measure.of) <= types)


class Counter:
    """Counts a stream's measures. It keeps nothing: what was counted before is in the ledger, as parts of panes."""

    def __init__(self, manifest: PackManifest, stream: StreamSpec) -> None:
        self.measures = measures_of(manifest, stream)
        self._plans = tuple(_Plan(measure) for measure in self.measures)

    def count(
        self, readings: Readings, clock: PartitionClock, floor: Floor, keys: Keys, now: int | None = None
    ) -> Counted:
        """Count a batch in its order of arrival. `now` is our own clock, where it may be believed.

        `keys` are those that each measure has already.
        """
        if not len(readings):
            return Counted(clock)
        by_type = _places(readings.types, {name for plan in self._plans for name in plan.measure.of})
        refused: dict[int, Refused] = {}
        rows = [plan.rows(readings, by_type, refused) for plan in self._plans]
        times = np.asarray(readings.times, dtype=np.int64)
        timing = timed(times, readings.identities, clock, floor, refused, now)
        counted = Counted(timing.clock, refused=[refused[place] for place in sorted(refused)])
        for plan, found in zip(self._plans, rows, strict=True):
            if refused:
                found = found.without(refused)
            if found.places:
                plan.count(found, readings, timing, floor, keys, counted)
        return counted


def _places(types: Sequence[str], wanted: Collection[str]) -> dict[str, list[int]]:
    """Where the events of each type are. A type at a time, since a comparison costs less than a look-up."""
    if len(wanted) <= 3:
        return {name: [place for place, found in enumerate(types) if found == name] for name in wanted}
    places: dict[str, list[int]] = {name: [] for name in wanted}
    for place, found in enumerate(types):
        if found in places:
            places[found].append(place)
    return places


@dataclass(slots=True)
class _Rows:
    """The events of one measure that it keeps: where they are, their key, and what is counted of them."""

    places: list[int]
    keys: list[str] | None
    items: list[Any]

    def without(self, refused: Collection[int]) -> "_Rows":
        kept = [index for index, place in enumerate(self.places) if place not in refused]
        return _Rows(
            [self.places[index] for index in kept],
            [self.keys[index] for index in kept] if self.keys is not None else None,
            [self.items[index] for index in kept],
        )


class _Plan:
    """How one measure counts: which fields it reads, in which order."""

    def __init__(self, measure: Measure) -> None:
        self.measure = measure
        self._tests = [test.compiled() for test in measure.where]
        roles = (("key", measure.key), ("unit", measure.unit), ("field", measure.field))
        self._roles = [(role, name) for role, name in roles if name is not None]
        self._counts = measure.aggregate in ("distinct", "count")
        names = [test.field for test in measure.where] + [name for _, name in self._roles]
        self._first = len(names)
        self._names = [*names, *measure.dimensions] if self._counts else names
        self._at = {role: len(measure.where) + place for place, (role, _) in enumerate(self._roles)}

    def rows(self, readings: Readings, by_type: Mapping[str, list[int]], refused: dict[int, Refused]) -> _Rows:
        """Read the events of the measure's types; what lacks something is refused."""
        places = _merged([by_type[name] for name in self.measure.of])
        key_at, tests, checked = self._at.get("key"), self._tests, range(len(self.measure.where), self._first)
        rows = _Rows([], None if key_at is None else [], [])
        read, item, data = readings.fields(self._names), self._item(readings), readings.data
        for place in places:
            values = read(data[place])
            if tests and not all(test(value) for test, value in zip(tests, values)):  # noqa: B905
                continue
            for role in checked:
                if values[role] is None or values[role] == "":
                    self._refuse(place, role, None, refused)
                    break
            else:
                found = item(place, values)
                if found is None:
                    self._refuse(place, self._at["field"], values[self._at["field"]], refused)
                    continue
                if key_at is not None and rows.keys is not None:
                    if len(key := str(values[key_at])) > KEY_MAX_CHARACTERS:
                        self._refuse(place, key_at, key, refused)
                        continue
                    rows.keys.append(key)
                rows.places.append(place)
                rows.items.append(found)
        return rows

    def _item(self, readings: Readings) -> Callable[[int, tuple[Any, ...]], Any]:
        """What one event adds: a line of a tally, or a number; None where there is none."""
        if not self._counts:
            field_at = self._at["field"]
            return lambda place, values: number(values[field_at])  # noqa: ARG005
        unit_at, first, ids = self._at.get("unit"), self._first, readings.ids

        def line(place: int, values: tuple[Any, ...]) -> tuple[str, ...]:
            unit = ids[place] if unit_at is None else str(values[unit_at])
            return (unit, *["" if value is None else str(value) for value in values[first:]])

        return line

    def _refuse(self, place: int, at: int, value: object, refused: dict[int, Refused]) -> None:
        role, name = self._roles[at - len(self.measure.where)]
        refused.setdefault(place, refused_for(self.measure, place, role, name, value))

    def count(
        self, rows: _Rows, readings: Readings, timing: Timing, floor: Floor, keys: Keys, counted: Counted
    ) -> None:
        """Sort the rows into panes; what lies in a pane that is closed is late."""
        measure, places = self.measure, np.asarray(rows.places)
        times = timing.times[places]
        starts = times - times % measure.pane
        since = timing.since[places]
        lowest = np.maximum(since - since % measure.pane, floor.closed_until.get(measure.name, -(1 << 62)))
        late = (starts < lowest) | (starts + (measure.pane + measure.lateness) <= timing.before[places])
        counted.late += int(late.sum())
        known = keys.get(measure.name, ())
        new = counted.new_keys.setdefault(measure.name, set())
        grouped: dict[tuple[int, str], list[int]] = defaultdict(list)
        names = rows.keys if rows.keys is not None else [ALL] * len(rows.places)
        for index, (start, key, left_out) in enumerate(zip(starts.tolist(), names, late.tolist(), strict=True)):
            if left_out:
                continue
            if rows.keys is not None and key not in known and key not in new:
                if len(known) + len(new) >= MAX_KEYS:
                    counted.keys_refused += 1
                    continue
                new.add(key)
            grouped[start, key].append(index)
        for (start, key), indices in grouped.items():
            counted.parts.setdefault((measure.name, start), {})[key] = self._pane(rows, indices, readings)

    def _pane(self, rows: _Rows, indices: Sequence[int], readings: Readings) -> Pane:
        pane = Pane.of(self.measure)
        if self._counts:
            pane.add_lines([rows.items[index] for index in indices])
            return pane
        for index in indices:
            place = rows.places[index]
            pane.add_number(rows.items[index], (int(readings.times[place]), readings.ids[place]))
        return pane


def _merged(places: Sequence[list[int]]) -> list[int]:
    return places[0] if len(places) == 1 else sorted(place for each in places for place in each)
