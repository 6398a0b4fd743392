"""Panes, watermarks, series and watches: from events to findings."""

from agents.monitoring.monitor import ALL, EventRefused, Findings, Monitor, RaisedSignal
from agents.monitoring.watch import Judged, Notice, Watch, notices, still_wrong

__all__ = [
    "ALL",
    "EventRefused",
    "Findings",
    "Judged",
    "Monitor",
    "Notice",
    "RaisedSignal",
    "Watch",
    "notices",
    "still_wrong",
]
