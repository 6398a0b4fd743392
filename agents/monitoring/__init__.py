"""Panes, watermarks, series and watches: from events to findings."""

from agents.monitoring.conditions import keeps
from agents.monitoring.monitor import ALL, EventRefused, Findings, Look, Monitor, RaisedSignal, Watched
from agents.monitoring.readings import Fields, Readings
from agents.monitoring.watch import Judged, Notice, Watch, notices, still_wrong

__all__ = [
    "ALL",
    "EventRefused",
    "Fields",
    "Findings",
    "Judged",
    "Look",
    "Monitor",
    "Notice",
    "RaisedSignal",
    "Readings",
    "Watch",
    "Watched",
    "keeps",
    "notices",
    "still_wrong",
]
