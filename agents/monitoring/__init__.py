"""Panes, watermarks, series and watches: from events to findings, over any number of partitions."""

from agents.monitoring.clocks import MAX_JUMP, Floor, PartitionClock, Progress, Reach, reach_of
from agents.monitoring.combiner import Combiner
from agents.monitoring.counter import ALL, Counted, Counter, measures_of
from agents.monitoring.findings import Findings, Look, RaisedSignal, Watched
from agents.monitoring.panes import Pane, merge_parts
from agents.monitoring.readings import Fields, Readings
from agents.monitoring.refused import Refused
from agents.monitoring.watch import Judged, Notice, Watch, notices, still_wrong

__all__ = [
    "ALL",
    "MAX_JUMP",
    "Combiner",
    "Counted",
    "Counter",
    "Fields",
    "Findings",
    "Floor",
    "Judged",
    "Look",
    "Notice",
    "Pane",
    "PartitionClock",
    "Progress",
    "RaisedSignal",
    "Reach",
    "Readings",
    "Refused",
    "Watch",
    "Watched",
    "measures_of",
    "merge_parts",
    "notices",
    "reach_of",
    "still_wrong",
]
