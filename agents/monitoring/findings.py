"""What a monitor brings to light, and who asked for it."""

from dataclasses import dataclass, field

from agents.monitoring.watch import Watch
from contracts import Evidence, Signal


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
    """What closed panes brought to light, in the order of event time."""

    signals: list[RaisedSignal] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    panes_closed: int = 0
    late: int = 0
    keys_refused: int = 0
