"""The judged panes of every series, kept while the run goes on: the monitor itself keeps only the last few."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from agents.monitoring import ALL
from contracts import Event, Measure, PackManifest
from forestall.backtest.result import Track
from graphs import Services

DUE_PANES = 32
"""A series is read again after so many panes; the monitor keeps 128."""
TRACKS_MAX = 64
"""Series (a measure at one key) that are recorded from their first event on; the others are counted."""


@dataclass(slots=True)
class _Panes:
    """Columns; a value that is absent is NaN."""

    starts: "array[int]" = field(default_factory=lambda: array("q"))
    values: "array[float]" = field(default_factory=lambda: array("d"))
    expected: "array[float]" = field(default_factory=lambda: array("d"))
    spreads: "array[float]" = field(default_factory=lambda: array("d"))
    states: bytearray = field(default_factory=bytearray)
    missed: int = 0


class Tracks:
    """Reads what was judged, through the same door as the incidents."""

    def __init__(self, services: Services, manifest: PackManifest) -> None:
        self._services, self._pack = services, manifest.pack
        self._measures = {measure.name: measure for measure in manifest.measures}
        self._detectors = {
            measure.name: [spec for spec in manifest.detectors if spec.measure == measure.name]
            for measure in manifest.measures
        }
        self._keys: dict[str, list[str]] = {m.name: [] if m.key else [ALL] for m in manifest.measures}
        self._keyed = [measure for measure in manifest.measures if measure.key]
        self._seen: set[tuple[str, str]] = set()
        self._panes: dict[tuple[str, str, str], _Panes] = {}
        self._due: dict[str, int] = {}

    @property
    def left_out(self) -> int:
        """Series that are not recorded, as far as their events came by."""
        return len(self._seen) - sum(len(self._keys[measure.name]) for measure in self._keyed)

    def meet(self, events: Iterable[Event]) -> None:
        """Events that are about to be played: their keys are series."""
        for event in events:
            for measure in self._keyed:
                if event.type in measure.of and measure.key in event.data:
                    self.add(measure.name, str(event.data[measure.key]))

    def add(self, measure: str, key: str) -> None:
        """Record this series, unless there are too many."""
        if (measure, key) not in self._seen and self._measures[measure].key:
            self._seen.add((measure, key))
            if sum(map(len, self._keys.values())) < TRACKS_MAX:
                self._keys[measure].append(key)

    async def read(self, now: int, *, at_end: bool = False) -> None:
        """Take in what was judged since, where enough was that it could be lost."""
        for name, measure in self._measures.items():
            if at_end or now >= self._due.setdefault(name, now + DUE_PANES * measure.pane):
                self._due[name] = now + DUE_PANES * measure.pane
                for key in self._keys[name]:
                    for spec in self._detectors[name]:
                        await self._read(measure, spec.name, key)

    async def _read(self, measure: Measure, detector: str, key: str) -> None:
        panes = self._panes.setdefault((measure.name, detector, key), _Panes())
        last = panes.starts[-1] if panes.starts else None
        for judged in await self._services.recent(self._pack, measure.name, detector, key):
            if last is not None and judged.start <= last:
                continue
            if last is not None:
                panes.missed += (judged.start - last) // measure.pane - 1
            last = judged.start
            panes.starts.append(judged.start)
            panes.values.append(float("nan") if judged.value is None else judged.value)
            panes.expected.append(judged.expected)
            panes.spreads.append(judged.spread)
            panes.states.append(ord(judged.state[0]))

    def result(self) -> tuple[Track, ...]:
        """Every series that was judged, in the order of the pack and of their names."""
        return tuple(
            self._track(measure, spec, key)
            for name, measure in self._measures.items()
            for key in sorted(self._keys[name])
            for spec in self._detectors[name]
            if self._panes.get((name, spec.name, key), _NONE).starts
        )

    def _track(self, measure: Measure, spec: Any, key: str) -> Track:
        panes = self._panes[measure.name, spec.name, key]
        return Track(
            measure=measure.name,
            title=measure.title,
            detector=spec.name,
            kind=spec.kind,
            key=key,
            pane=measure.pane,
            starts=list(panes.starts),
            values=[None if value != value else value for value in panes.values],
            expected=list(panes.expected),
            spreads=list(panes.spreads),
            states=panes.states.decode(),
            missed=panes.missed,
        )


_NONE = _Panes()
