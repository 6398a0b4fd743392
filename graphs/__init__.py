"""LangGraph state machines: monitor, incident, execution."""

from graphs.driver import IncidentDriver
from graphs.execution import Executor
from graphs.incident import WAITS_FOR
from graphs.monitor import MonitorState, StreamMonitor, subscription_name
from graphs.screening import Incoming
from graphs.services import GRAPH_VERSION, PackRuntime, Services

__all__ = [
    "GRAPH_VERSION",
    "WAITS_FOR",
    "Executor",
    "IncidentDriver",
    "Incoming",
    "MonitorState",
    "PackRuntime",
    "Services",
    "StreamMonitor",
    "subscription_name",
]
