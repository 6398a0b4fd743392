"""The incident graph."""

from graphs.incident.state import IncidentState
from graphs.incident.walking import walk
from graphs.incident.wiring import NODES, WAITS_FOR, build

__all__ = ["NODES", "WAITS_FOR", "IncidentState", "build", "walk"]
