"""LangGraph state machines: monitor, incident, execution."""

from graphs.driver import IncidentDriver
from graphs.execution import Executor
from graphs.incident import WAITS_FOR
from graphs.monitor import (
    CombineState,
    CountState,
    PartitionMonitor,
    Standing,
    StreamCombiner,
    combiner_lease,
    flushed,
    part_name,
    partition_lease,
    standing_of,
    subscription_name,
)
from graphs.reading import Screened
from graphs.screening import Incoming, Screen, ahead_of_clock
from graphs.services import GRAPH_VERSION, RUNS_IN_FLIGHT, PackRuntime, Services

__all__ = [
    "GRAPH_VERSION",
    "RUNS_IN_FLIGHT",
    "WAITS_FOR",
    "CombineState",
    "CountState",
    "Executor",
    "IncidentDriver",
    "Incoming",
    "PackRuntime",
    "PartitionMonitor",
    "Screen",
    "Screened",
    "Services",
    "Standing",
    "StreamCombiner",
    "ahead_of_clock",
    "combiner_lease",
    "flushed",
    "part_name",
    "partition_lease",
    "standing_of",
    "subscription_name",
]
