"""Panes, watermarks, series and watches: from events to findings."""

from agents.monitoring.monitor import ALL, EventRefused, Findings, Look, Monitor, RaisedSignal, Watched
from agents.monitoring.watch import Judged, Notice, Watch, notices, still_wrong

__all__ = [
    "ALL",
    "EventRefused",
    "Findings",
    "Judged",
    "Look",
    "Monitor",
    "Notice",
    "RaisedSignal",
    "Watch",
    "Watched",
    "notices",
    "still_wrong",
]
