"""Closing a stream's panes in event time, whatever partitions their parts came from: detectors, signals, watches."""

from collections.abc import Iterable, Mapping
from typing import Any

from agents.monitoring.clocks import MAX_JUMP, Reach
from agents.monitoring.counter import ALL, MAX_KEYS, measures_of
from agents.monitoring.findings import Findings, Look, RaisedSignal, Watched
from agents.monitoring.panes import Pane, Parts
from agents.monitoring.series import Raised, Series
from agents.monitoring.watch import Notice, notices
from contracts import Measure, PackManifest, Signal, StreamSpec, stable_id

Panes = Mapping[tuple[str, int], Parts]
"""The merged parts of panes, by (measure, start)."""


class Combiner:
    """Detectors of one pack on one stream.

    `watermark` is the instant up to which every pane is closed, in event time: what an incident takes for "now". It
    stands still until a pane ends, so it does not depend on how far anybody has read ahead.
    """

    def __init__(self, manifest: PackManifest, stream: StreamSpec, tenant: str) -> None:
        self._pack = manifest.pack
        self._tenant = tenant
        self.measures = measures_of(manifest, stream)
        self._specs = {
            measure.name: tuple(spec for spec in manifest.detectors if spec.measure == measure.name)
            for measure in self.measures
        }
        self.watermark: int | None = None
        self.closed_until: dict[str, int] = {}
        self.series: dict[str, dict[str, Series]] = {measure.name: {} for measure in self.measures}
        self._since: int | None = None
        self._judged: set[tuple[str, str]] = set()
        self._watched: tuple[Watched, ...] = ()
        self._asked: list[tuple[Watched, int]] = []

    def next_instant(self, reach: Reach) -> int | None:
        """The watermark at which the next pane closes; None before the first event, or when nothing is measured."""
        if self._since is None:
            if reach.first is None or reach.watermark is None:
                return None
            first = reach.first
            return min((first - first % m.pane + m.pane + m.lateness for m in self.measures), default=None)
        return min((self._end(measure) for measure in self.measures), default=None)

    def due(self, reach: Reach) -> bool:
        """Whether a pane can be closed."""
        instant = self.next_instant(reach)
        return instant is not None and reach.watermark is not None and instant <= reach.watermark

    def needs(self, until: int) -> dict[str, int]:
        """For each measure, where the panes end that start before everything up to the watermark `until` is closed."""
        return {measure.name: until - measure.lateness - measure.pane + 1 for measure in self.measures}

    def flush_time(self, latest: int) -> int:
        """The watermark that closes every pane with an event in it, `latest` being the latest event's time."""
        return max(((latest // m.pane + 1) * m.pane + m.lateness for m in self.measures), default=latest)

    def step(self, reach: Reach, panes: Panes, findings: Findings) -> bool:
        """Close all that closes at the next instant; False when the watermark has passed none."""
        instant = self.next_instant(reach)
        if instant is None or reach.watermark is None or reach.first is None or instant > reach.watermark:
            return False
        if self._since is None:
            self._start(reach.first)
        gap = self._gap(reach)
        if gap is not None and instant > gap[0] + MAX_JUMP:
            self._begin_anew(gap[1])
            return True
        for measure in self.measures:
            if self._end(measure) == instant:
                self._close(measure, panes, findings)
        self.watermark = instant
        return True

    def watch(self, watched: Iterable[Watched], findings: Findings) -> None:
        """The watches that hold from now on; looks that are due already are answered at once."""
        self._watched = tuple(watched)
        self._asked = [(each, look) for each in self._watched for look in each.watch.looks]
        for measure in self.measures:
            self._look(measure.name, self.closed_until.get(measure.name, 0), findings)

    def notices(self) -> list[tuple[str, Notice]]:
        """(thread, notice) for all that the watches have to say now."""
        said: list[tuple[str, Notice]] = []
        for each in self._watched:
            series = self.series.get(each.measure, {}).get(each.key)
            if series is not None and each.detector in series.recent:
                said += [(each.thread, notice) for notice in notices(each.watch, list(series.recent[each.detector]))]
        return said

    def _end(self, measure: Measure) -> int:
        return self.closed_until[measure.name] + measure.pane + measure.lateness

    def _gap(self, reach: Reach) -> tuple[int, int] | None:
        """The first long silence ahead that is known to be over."""
        assert self._since is not None
        over = (gap for gap in reach.gaps if gap[1] > self._since and gap[1] <= (reach.watermark or 0))
        return next(over, None)

    def _look(self, measure: str, until: int, findings: Findings) -> None:
        due = [(each, at) for each, at in self._asked if each.measure == measure and at <= until]
        for each, at in due:
            series = self.series[measure].get(each.key)
            findings.looks.append(Look(each.thread, at, series.evidence(each.detector) if series else None))
            self._asked.remove((each, at))

    def _start(self, time: int) -> None:
        self._since = time
        for measure in self.measures:
            self.closed_until[measure.name] = time - time % measure.pane
            if measure.key is None and ALL not in self.series[measure.name]:
                self._add(measure, ALL)

    def _begin_anew(self, time: int) -> None:
        """After a longer silence than `MAX_JUMP` nobody knows what is normal: so much of it was judged, now the
        detectors learn afresh. What was judged last stays, for the watches.

        The watermark goes there too, so that who reads ahead is not taken for far ahead."""
        for measure in self.measures:
            for key, old in self.series[measure.name].items():
                self._add(measure, key).recent = old.recent
        self._start(time)
        self.watermark = time

    def _add(self, measure: Measure, key: str) -> Series:
        made = self.series[measure.name][key] = Series(measure, self._specs[measure.name])
        self._judged.add((measure.name, key))
        return made

    def _close(self, measure: Measure, panes: Panes, findings: Findings) -> None:
        start, series = self.closed_until[measure.name], self.series[measure.name]
        parts = panes.get((measure.name, start), {})
        for key in sorted(parts.keys() - series.keys()):
            if len(series) < MAX_KEYS:
                self._add(measure, key)
            else:
                findings.keys_refused += parts[key].samples
        for key in sorted(series):
            findings.panes_closed += 1
            for raised in series[key].close(start, parts.get(key) or Pane.of(measure)):
                findings.signals.append(self._signal(measure, key, raised))
            self._judged.add((measure.name, key))
        self.closed_until[measure.name] = start + measure.pane
        self._look(measure.name, start + measure.pane, findings)

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
        clock = {"watermark": self.watermark, "since": self._since, "closed_until": dict(self.closed_until)}
        docs: dict[str, Any] = {"clock": clock}
        for measure, key in sorted(self._judged):
            docs[f"closed/{measure}/{key}"] = self.series[measure][key].closed_doc()
        self._judged.clear()
        return docs

    def restore(self, docs: Mapping[str, Any]) -> None:
        """Take over stored documents; measures that the pack no longer has are left out, new ones start afresh."""
        clock = docs.get("clock")
        if not clock or clock["since"] is None:
            return
        self.watermark, self._since = clock["watermark"], clock["since"]
        for measure in self.measures:
            begun = self.watermark if self.watermark is not None else clock["since"]
            self.closed_until[measure.name] = clock["closed_until"].get(measure.name, begun - begun % measure.pane)
            prefix = f"closed/{measure.name}/"
            for name in sorted(name for name in docs if name.startswith(prefix)):
                series = Series(measure, self._specs[measure.name])
                series.restore(docs[name])
                self.series[measure.name][name.removeprefix(prefix)] = series
            if measure.key is None and ALL not in self.series[measure.name]:
                self._add(measure, ALL)
