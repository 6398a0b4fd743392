"""The protocol of a detector: state is data, points come in event time, nothing looks ahead."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, Self

from contracts import Pattern


@dataclass(frozen=True, slots=True)
class Point:
    """One closed pane: `value` in the measure's unit over [`start`, `start + width`) microseconds of event time.

    `samples` is the number of events in the pane. A count's empty pane is a point of value 0; a continuous series'
    empty pane is a point whose `value` is None.
    """

    start: int
    width: int
    value: float | None
    samples: int

    @property
    def end(self) -> int:
        return self.start + self.width


@dataclass(frozen=True, slots=True)
class Finding:
    """A pattern began. `observed` and `expected` are over [`onset`, end of the point that gave it away)."""

    pattern: Pattern
    onset: int
    observed: float
    expected: float
    score: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a detector thinks of one point.

    `expected` and `spread` (one robust standard deviation) are for this point's pane. `state` is `anomalous` from the
    finding until the measure is back; `finding` is set once, on the point that gives a pattern away.
    """

    expected: float
    spread: float
    score: float
    state: Literal["learning", "normal", "anomalous"]
    finding: Finding | None = None


class Detector(Protocol):
    """One series' detector. Restored from its snapshot it goes on exactly as if it had never stopped."""

    kind: ClassVar[str]
    version: ClassVar[int]

    def observe(self, point: Point) -> Judgement:
        """Judge the next closed pane; points come in order of `start`, without gaps."""
        ...

    def snapshot(self) -> dict[str, Any]:
        """JSON primitives only, bounded, with `version`."""
        ...

    @classmethod
    def create(cls, settings: Mapping[str, Any], direction: Literal["up", "down", "both"]) -> Self:
        """A new detector.

        Raises:
            ValueError: a setting is unknown or out of range; the message names it, the value and the rule.
        """
        ...

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Take over a snapshot's state; older versions are upcast.

        Raises:
            ValueError: the snapshot is of a newer version.
        """
        ...
