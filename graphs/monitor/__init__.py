"""The monitor: partitions are counted each by its owner, and a stream's panes closed by one combiner."""

from graphs.monitor.combining import CombineState, Standing, StreamCombiner, flushed, standing_of
from graphs.monitor.counting import CountState, PartitionMonitor
from graphs.monitor.names import combiner_lease, part_name, partition_lease, subscription_name

__all__ = [
    "CombineState",
    "CountState",
    "PartitionMonitor",
    "Standing",
    "StreamCombiner",
    "combiner_lease",
    "flushed",
    "part_name",
    "partition_lease",
    "standing_of",
    "subscription_name",
]
