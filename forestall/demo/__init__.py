"""Playing scenarios through the whole of Forestall."""

from forestall.demo.result import DemoResult, IncidentResult, decisions_of
from forestall.demo.run import DemoOptions, default_habits, find_scenario, play

__all__ = [
    "DemoOptions",
    "DemoResult",
    "IncidentResult",
    "decisions_of",
    "default_habits",
    "find_scenario",
    "play",
]
