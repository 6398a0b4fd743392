"""Shifts, spikes and drifts of a continuous series."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from agents.detection.level_episode import SUDDEN, LevelEpisode, begin
from agents.detection.level_model import LevelModel, Step
from agents.detection.level_scan import LENGTHS, InnovationScan
from agents.detection.protocol import Finding, Judgement, Point
from agents.detection.settings import Direction, check_known, check_version, look_threshold, number
from contracts import DAY

_LEARNING = 3 * DAY
_LEARNING_POINTS = (128, 900)
_ADOPT_POINTS = (32, 288)
_HUBER = 3.0
_LOOK_BACK = 4
"""Whether a change was a step or a slope shows in four times the span that gave it away."""


class LevelDetector:
    """Judges innovations of a `LevelModel`, so that autocorrelation, a random walk or a season raise nothing.

    A finding names the mean of the observed and of the expected values since its onset. A sudden change waits two
    panes for its name: back again is a `spike`, otherwise it is a `shift`. Affine rescaling changes no signal.
    Setting `min_score` replaces the derived bound (robust standard deviations).
    """

    kind: ClassVar[str] = "level"
    version: ClassVar[int] = 1

    def __init__(self, direction: Direction, min_score: float | None = None) -> None:
        self._up, self._down = direction != "down", direction != "up"
        self._threshold = min_score or look_threshold(len(LENGTHS) * (self._up + self._down))
        self._model: LevelModel | None = None
        self._scan = InnovationScan()
        self._starts: list[int] = []
        self._values: list[float] = []
        self._innovations: list[float] = []
        self._episode: LevelEpisode | None = None
        self._seen = 0

    @classmethod
    def create(cls, settings: Mapping[str, Any], direction: Direction) -> Self:
        check_known(cls.kind, settings, ("min_score",))
        return cls(direction, number(settings, "min_score", 3.0, 100.0))

    def observe(self, point: Point) -> Judgement:
        if self._model is None:
            self._model = LevelModel(point.width, point.start)
            if point.value is not None:
                self._model.mean = point.value
        if point.value is None:
            return self._skip()
        low, high = _LEARNING_POINTS
        learning = self._seen < min(max(_LEARNING // point.width, low), high)
        self._seen += learning
        before = self._values[-1] if self._values and self._starts[-1] == point.start - point.width else None
        step = self._model.step(point.start, before) if before is not None else None
        self._remember(point, 0.0 if step is None else point.value - step.predicted)
        if self._episode:
            return self._follow(point, self._model)
        if step is None:
            self._model.learn(point.start, point.value, None, 1.0)
            return self._judge(point.value, 0.0, learning)
        self._scan.add(self._innovations, point.start // point.width, self._model.points >= 32)
        found = None if learning else self._scan.most_telling(self._threshold, self._up, self._down)
        if found:
            span, score = found
            self._episode = self._look_back(span.length, score)
            if self._episode.pattern:
                return self._report(self._episode)
            return Judgement(self._episode.path, self._scan.spread, score, "normal")
        return self._learn(point, step, learning)

    def _remember(self, point: Point, innovation: float) -> None:
        for items, item in (
            (self._starts, point.start),
            (self._values, point.value),
            (self._innovations, innovation),
        ):
            items.append(item)  # type: ignore[arg-type]
            if len(items) > LENGTHS[-1] + 1:
                items.pop(0)

    def _skip(self) -> Judgement:
        """An empty pane says nothing; the next value starts a new chain."""
        last = self._values[-1] if self._values else 0.0
        expected = self._episode.path if self._episode else last
        return self._judge(expected, 0.0, not self._episode and self._scan.spread == 0.0)

    def _learn(self, point: Point, step: Step, learning: bool) -> Judgement:
        model, spread = self._model, self._scan.spread
        assert model is not None
        assert point.value is not None
        innovation = point.value - step.predicted
        trust = 1.0 if abs(innovation) <= _HUBER * spread or spread == 0.0 else _HUBER * spread / abs(innovation)
        seasonal = model.seasonal
        model.learn(point.start, point.value, step, trust)
        if model.seasonal is not seasonal:
            self._scan.forget()
        return self._judge(step.predicted, innovation / spread if spread > 0.0 else 0.0, learning)

    def _look_back(self, panes: int, score: float) -> LevelEpisode:
        """Continue the model from before the span, as if nothing had happened, and compare."""
        model = self._model
        assert model is not None
        back = 1 if panes <= SUDDEN else min(_LOOK_BACK * panes, self._scan.panes, len(self._values) - 1)
        back = max(back, panes)
        starts, values = self._starts[-back:], self._values[-back:]
        path, paths = self._values[-back - 1], []
        for start in starts:
            path = model.step(start, path).predicted
            paths.append(path)
        return begin(starts, values, paths, panes, score)

    def _follow(self, point: Point, model: LevelModel) -> Judgement:
        episode = self._episode
        assert episode is not None
        assert point.value is not None
        waiting = episode.pattern is None
        episode.follow(point.value, model.step(point.start, episode.path).predicted)
        if waiting and episode.pattern:
            return self._report(episode)
        low, high = _ADOPT_POINTS
        adopted = episode.panes >= min(max(DAY // point.width, low), high)
        expected = episode.path
        if adopted:
            latest = self._values[-16:]
            model.mean += sum(latest) / len(latest) - expected
        if adopted or episode.is_back:
            self._episode = None
            self._scan.clear()
        score = (point.value - expected) / self._scan.spread if self._scan.spread > 0.0 else 0.0
        return self._judge(expected, score, False)

    def _report(self, episode: LevelEpisode) -> Judgement:
        assert episode.pattern is not None
        panes = episode.panes
        finding = Finding(
            episode.pattern, episode.onset, episode.observed / panes, episode.expected / panes, episode.score
        )
        return Judgement(episode.path, self._scan.spread, episode.score, "anomalous", finding)

    def _judge(self, expected: float, score: float, learning: bool) -> Judgement:
        known = self._episode is not None and self._episode.pattern is not None
        state = "anomalous" if known else "learning" if learning else "normal"
        return Judgement(expected, self._scan.spread, score, state)  # type: ignore[arg-type]

    def snapshot(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "version": self.version,
            "model": self._model.snapshot() if self._model else None,
            "scan": self._scan.snapshot(),
            "starts": list(self._starts),
            "values": list(self._values),
            "innovations": list(self._innovations),
            "episode": self._episode.snapshot() if self._episode else None,
            "seen": self._seen,
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        check_version(self.kind, snapshot, self.version)
        model, episode = snapshot["model"], snapshot["episode"]
        self._model = LevelModel.restored(model) if model else None
        self._scan = InnovationScan.restored(snapshot["scan"])
        self._starts, self._values = list(snapshot["starts"]), list(snapshot["values"])
        self._innovations = list(snapshot["innovations"])
        self._episode = LevelEpisode(**episode) if episode else None
        self._seen = snapshot["seen"]
