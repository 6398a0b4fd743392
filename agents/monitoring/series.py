"""One series: a measure at one key, its detectors, and what explains them."""

import logging
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents.detection import Detector, Finding, Point, create_detector, restore_detector
from agents.explanation import BaselineTally, Tally
from agents.monitoring.panes import Pane
from agents.monitoring.watch import Judged
from contracts import DetectorSpec, Evidence, Measure, WindowCounts

_log = logging.getLogger("forestall.monitor")
RING_PANES = 16
"""Closed panes whose tallies are kept apart: an onset lies at most this far back, and a pane enters the baseline
only when it has left the ring, so that an incident's first panes cannot become part of what is normal."""
RECENT_PANES = 128
"""Judged panes that a watch can look back on."""


@dataclass(frozen=True, slots=True)
class Raised:
    """A detector's finding with the evidence for its explanation."""

    detector: DetectorSpec
    finding: Finding
    point: Point
    evidence: Evidence | None


@dataclass(slots=True)
class ClosedPane:
    """A pane in the ring."""

    start: int
    quiet: bool
    expected: float
    tally: Tally
    _doc: Mapping[str, Any] | None = None

    @property
    def doc(self) -> Mapping[str, Any]:
        """Its tally as stored: made once, since every later commit stores the ring again, and not before the first."""
        if self._doc is None:
            self._doc = self.tally.snapshot()
        return self._doc


@dataclass(slots=True)
class Episode:
    """What has added up since an onset while the series is out of order."""

    onset: int
    end: int
    expected: float
    tally: Tally


class Series:
    """State is data: `closed_doc` changes only when a pane closes."""

    def __init__(self, measure: Measure, detectors: tuple[DetectorSpec, ...]) -> None:
        self.measure = measure
        self.specs = detectors
        self.detectors: dict[str, Detector] = {spec.name: create_detector(spec) for spec in detectors}
        self.recent: dict[str, deque[Judged]] = {spec.name: deque(maxlen=RECENT_PANES) for spec in detectors}
        self.ring: deque[ClosedPane] = deque()
        self.baseline = BaselineTally(measure.dimensions) if measure.dimensions else None
        self.episodes: dict[str, Episode] = {}

    def close(self, start: int, pane: Pane) -> list[Raised]:
        """Close the pane that begins at `start`: judge it, and keep what a later explanation needs."""
        point = Point(start, self.measure.pane, pane.value(self.measure.aggregate), pane.samples)
        quiet, raised, expectation = True, [], 0.0
        for spec in self.specs:
            judgement = self.detectors[spec.name].observe(point)
            expectation = judgement.expected
            self.recent[spec.name].append(
                Judged(start, point.end, point.value, judgement.expected, judgement.spread, judgement.state)
            )
            quiet = quiet and judgement.state != "anomalous"
            if judgement.finding is not None:
                raised.append((spec, judgement.finding))
        self._tally(pane, start, quiet, expectation)
        return [Raised(spec, finding, point, self._begin(spec, finding, point)) for spec, finding in raised]

    def evidence(self, detector: str) -> Evidence | None:
        """What has been gathered since the detector's onset, or None where nothing can be explained."""
        episode = self.episodes.get(detector)
        if episode is None or self.baseline is None:
            return None
        counts = episode.tally.counts(episode.onset, episode.end, episode.end - episode.onset)
        return self._evidence(counts, episode.expected)

    def _evidence(self, window: WindowCounts, expected: float) -> Evidence:
        assert self.baseline is not None
        return Evidence(
            unit=self.measure.unit or "event",
            expected_units=round(expected, 6),
            window=window,
            baseline=self.baseline.counts(),
        )

    def _begin(self, spec: DetectorSpec, finding: Finding, point: Point) -> Evidence | None:
        if self.baseline is None:
            return None
        tally = Tally(self.measure.dimensions)
        tally.close()
        for pane in self.ring:
            if pane.start >= finding.onset:
                tally.merge(pane.tally)
        self.episodes[spec.name] = Episode(finding.onset, point.end, finding.expected, tally)
        return self.evidence(spec.name)

    def _tally(self, pane: Pane, start: int, quiet: bool, expected: float) -> None:
        if self.baseline is None or pane.tally is None:
            return
        pane.tally.close()
        for name, episode in list(self.episodes.items()):
            if self.recent[name][-1].state != "anomalous":
                del self.episodes[name]
                continue
            episode.tally.merge(pane.tally)
            episode.end, episode.expected = start + self.measure.pane, episode.expected + expected
        self.ring.append(ClosedPane(start, quiet, expected, pane.tally))
        if len(self.ring) > RING_PANES:
            oldest = self.ring.popleft()
            if oldest.quiet:
                self.baseline.absorb(oldest.tally, oldest.start, self.measure.pane)

    # state as data

    def closed_doc(self) -> dict[str, Any]:
        return {
            "detectors": {name: detector.snapshot() for name, detector in self.detectors.items()},
            "recent": {name: [judged.to_list() for judged in panes] for name, panes in self.recent.items()},
            "ring": [[pane.start, pane.quiet, pane.expected, pane.doc] for pane in self.ring],
            "baseline": self.baseline.snapshot() if self.baseline else None,
            "episodes": {
                name: [episode.onset, episode.end, episode.expected, episode.tally.snapshot()]
                for name, episode in self.episodes.items()
            },
        }

    def restore(self, closed_doc: Mapping[str, Any]) -> None:
        """Take over what `closed_doc` returned; a detector that is new to the pack starts afresh."""
        for spec in self.specs:
            if spec.name in closed_doc["detectors"]:
                self._restore(spec, closed_doc["detectors"][spec.name])
                self.recent[spec.name].extend(Judged(*row) for row in closed_doc["recent"][spec.name])
        self.ring = deque(
            ClosedPane(start, quiet, expected, Tally.restore(doc), doc)
            for start, quiet, expected, doc in closed_doc["ring"]
        )
        if closed_doc["baseline"]:
            self.baseline = BaselineTally.restore(closed_doc["baseline"])
        self.episodes = {
            name: Episode(row[0], row[1], row[2], Tally.restore(row[3]))
            for name, row in closed_doc["episodes"].items()
            if name in self.detectors
        }

    def _restore(self, spec: DetectorSpec, snapshot: Mapping[str, Any]) -> None:
        """A state that this build cannot read is learned anew: better blind for a while than not at all."""
        try:
            self.detectors[spec.name] = restore_detector(spec, snapshot)
        except ValueError as problem:
            _log.warning("%s; it learns anew", problem)
