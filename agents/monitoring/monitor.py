"""A pack's monitor on one stream: events in, findings and notices out. Nothing depends on where a batch ends."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.monitoring.conditions import keeps
from agents.monitoring.panes import add_event, missing
from agents.monitoring.series import Raised, Series
from agents.monitoring.watch import Notice, Watch, notices
from contracts import DAY, HOUR, Event, Evidence, Measure, PackManifest, Signal, StreamSpec, stable_id

ALL = "all"
"""The key of a measure that is not split."""
MAX_KEYS = 1_000
"""Series a measure may have; events of further keys are counted as `keys_refused`."""
MAX_JUMP = 30 * DAY
"""An event this far ahead of the stream is taken for a wrong clock and does not move the watermark, unless our own
clock agrees with it: then the stream was silent for so long, and goes on."""
CLOCKS_AGREE = HOUR
MAX_AGE = 30 * DAY
"""An event this far behind the stream is refused as ancient; a younger late one is counted and left out."""


@dataclass(frozen=True, slots=True)
class RaisedSignal:
    signal: Signal
    evidence: Evidence | None
    opens_incident: bool


@dataclass(frozen=True, slots=True)
class Watched:
    """A run's watch on one of our series."""

    thread: str
    measure: str
    detector: str
    key: str
    watch: Watch


@dataclass(frozen=True, slots=True)
class Look:
    """The evidence that a watch asked for, as it was at `at`; None when the series is not out of order any more."""

    thread: str
    at: int
    evidence: Evidence | None


@dataclass(slots=True)
class Findings:
    """What a batch brought to light, in the order of event time."""

    signals: list[RaisedSignal] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    panes_closed: int = 0
    late: int = 0
    keys_refused: int = 0


class EventRefused(ValueError):
    """An event cannot be counted as it is; quarantine it with `code` and the message."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Monitor:
    """Panes, watermark and detectors of one pack on one stream.

    The watermark is the latest event time seen, less a measure's `lateness`; it advances with every event.
    """

    def __init__(self, manifest: PackManifest, stream: StreamSpec, tenant: str) -> None:
        self._pack = manifest.pack
        self._tenant = tenant
        types = {declared.type for declared in stream.types}
        self.measures = tuple(measure for measure in manifest.measures if set(measure.of) <= types)
        self._by_type: dict[str, list[Measure]] = {}
        for measure in self.measures:
            for name in measure.of:
                self._by_type.setdefault(name, []).append(measure)
        self._specs = {
            measure.name: tuple(spec for spec in manifest.detectors if spec.measure == measure.name)
            for measure in self.measures
        }
        self.latest: int | None = None
        self._closed_until: dict[str, int] = {}
        self.series: dict[str, dict[str, Series]] = {measure.name: {} for measure in self.measures}
        self._touched: set[tuple[str, str]] = set()
        self._judged: set[tuple[str, str]] = set()
        self._watched: tuple[Watched, ...] = ()
        self._asked: list[tuple[Watched, int]] = []

    def check(self, event: Event, now: int | None = None) -> None:
        """`now` is our own clock, where it may be believed (microseconds).

        Raises:
            EventRefused: a measure needs a field that is missing or no number, or the event lies absurdly far ahead of
                or behind the stream.
        """
        for measure in self._by_type.get(event.type, ()):
            if keeps(measure.where, event.data) and (problem := missing(measure, event.data)):
                raise EventRefused("missing_key", f"{problem}; measure {measure.name} needs it")
        if self.latest is None:
            return
        agreed = now is not None and abs(event.time - now) <= CLOCKS_AGREE
        if event.time > self.latest + MAX_JUMP and not agreed:
            days = (event.time - self.latest) // DAY
            raise EventRefused("future", f"time: {days} days ahead of the stream (at most 30); mend the sender's clock")
        if event.time < self.latest - MAX_AGE:
            days = (self.latest - event.time) // DAY
            raise EventRefused(
                "ancient", f"time: {days} days behind the stream (at most 30); emit history in its order"
            )

    def observe(self, event: Event, findings: Findings) -> None:
        """Count one event, then close what the watermark has passed."""
        if self.latest is None:
            self._start(event.time)
        elif event.time > self.latest + MAX_JUMP:
            self._begin_anew(event.time, findings)
        self.latest = max(self.latest or event.time, event.time)
        for measure in self._by_type.get(event.type, ()):
            if keeps(measure.where, event.data):
                self._count(measure, event, findings)
        self._close(findings)

    def advance(self, to: int, findings: Findings) -> None:
        """Move the watermark without an event: the stream is idle, or it has ended."""
        if self.latest is not None and to > self.latest:
            self.latest = to
            self._close(findings)

    def flush_time(self) -> int | None:
        """The instant that closes every pane with an event in it; None before the first event."""
        if self.latest is None:
            return None
        return max(((self.latest // m.pane + 1) * m.pane + m.lateness for m in self.measures), default=None)

    def watch(self, watched: Iterable[Watched], findings: Findings) -> None:
        """The watches that hold from now on; looks that are due already are answered at once."""
        self._watched = tuple(watched)
        self._asked = [(each, look) for each in self._watched for look in each.watch.looks]
        for measure in self.measures:
            self._look(measure.name, self._closed_until.get(measure.name, 0), findings)

    def notices(self) -> list[tuple[str, Notice]]:
        """(thread, notice) for all that the watches have to say now."""
        said: list[tuple[str, Notice]] = []
        for each in self._watched:
            series = self.series.get(each.measure, {}).get(each.key)
            if series is not None and each.detector in series.recent:
                said += [(each.thread, notice) for notice in notices(each.watch, list(series.recent[each.detector]))]
        return said

    def _look(self, measure: str, until: int, findings: Findings) -> None:
        due = [(each, at) for each, at in self._asked if each.measure == measure and at <= until]
        for each, at in due:
            series = self.series[measure].get(each.key)
            findings.looks.append(Look(each.thread, at, series.evidence(each.detector) if series else None))
            self._asked.remove((each, at))

    def _start(self, time: int) -> None:
        for measure in self.measures:
            self._closed_until[measure.name] = time - time % measure.pane
            if measure.key is None:
                self._series(measure, ALL)

    def _begin_anew(self, time: int, findings: Findings) -> None:
        """After a longer silence than `MAX_JUMP` nobody knows what is normal: so much of it is judged, then the
        detectors learn afresh. What was judged last stays, for the watches."""
        assert self.latest is not None
        self.advance(self.latest + MAX_JUMP, findings)
        for measure in self.measures:
            for key, old in self.series[measure.name].items():
                fresh = self.series[measure.name][key] = Series(measure, self._specs[measure.name])
                fresh.recent = old.recent
                self._judged.add((measure.name, key))
        self._start(time)

    def _series(self, measure: Measure, key: str) -> Series:
        found = self.series[measure.name].get(key)
        if found is None:
            found = self.series[measure.name][key] = Series(measure, self._specs[measure.name])
            self._judged.add((measure.name, key))
        return found

    def _count(self, measure: Measure, event: Event, findings: Findings) -> None:
        start = event.time - event.time % measure.pane
        if start < self._closed_until[measure.name]:
            findings.late += 1
            return
        key = ALL if measure.key is None else str(event.data[measure.key])
        if key not in self.series[measure.name] and len(self.series[measure.name]) >= MAX_KEYS:
            findings.keys_refused += 1
            return
        series = self._series(measure, key)
        add_event(series.pane(start), measure, event)
        self._touched.add((measure.name, key))

    def _close(self, findings: Findings) -> None:
        assert self.latest is not None
        for measure in self.measures:
            start = self._closed_until[measure.name]
            while start + measure.pane + measure.lateness <= self.latest:
                for key in sorted(self.series[measure.name]):
                    series = self.series[measure.name][key]
                    findings.panes_closed += 1
                    for raised in series.close(start):
                        findings.signals.append(self._signal(measure, key, raised))
                    self._judged.add((measure.name, key))
                start += measure.pane
                self._look(measure.name, start, findings)
            self._closed_until[measure.name] = start

    def _signal(self, measure: Measure, key: str, raised: Raised) -> RaisedSignal:
        finding, spec = raised.finding, raised.detector
        signal = Signal(
            id=stable_id("sig", self._tenant, self._pack, spec.name, key, finding.onset, finding.pattern),
            tenant=self._tenant,
            pack=self._pack,
            detector=spec.name,
            measure=measure.name,
            key=key,
            pattern=finding.pattern,
            onset=finding.onset,
            noticed_at=raised.point.end,
            observed=round(finding.observed, 6),
            expected=round(finding.expected, 6),
            score=round(finding.score, 6),
        )
        return RaisedSignal(signal, raised.evidence, spec.opens_incident)

    # state as data

    def changed_docs(self) -> dict[str, Any]:
        """The documents that changed since the last call, by name."""
        docs: dict[str, Any] = {"clock": {"latest": self.latest, "closed_until": self._closed_until}}
        for measure, key in sorted(self._touched | self._judged):
            docs[f"open/{measure}/{key}"] = self.series[measure][key].open_doc()
        for measure, key in sorted(self._judged):
            docs[f"closed/{measure}/{key}"] = self.series[measure][key].closed_doc()
        self._touched.clear()
        self._judged.clear()
        return docs

    def restore(self, docs: Mapping[str, Any]) -> None:
        """Take over stored documents; measures that the pack no longer has are left out, new ones start afresh."""
        clock = docs.get("clock")
        if not clock or clock["latest"] is None:
            return
        self.latest = clock["latest"]
        for measure in self.measures:
            floor = self.latest - self.latest % measure.pane
            self._closed_until[measure.name] = clock["closed_until"].get(measure.name, floor)
            prefix = f"closed/{measure.name}/"
            for key in self._keys(docs, prefix):
                series = Series(measure, self._specs[measure.name])
                series.restore(docs[f"open/{measure.name}/{key}"], docs[prefix + key])
                self.series[measure.name][key] = series
            if measure.key is None and ALL not in self.series[measure.name]:
                self._series(measure, ALL)

    @staticmethod
    def _keys(docs: Mapping[str, Any], prefix: str) -> Iterable[str]:
        return sorted(name.removeprefix(prefix) for name in docs if name.startswith(prefix))
