"""Where the time of a run goes: how long the parts of the way took, by wrapping them."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from agents.monitoring import Counter
from bench.steady import Steady
from graphs import PartitionMonitor, StreamCombiner
from graphs.reading import BatchReader
from ledger import InboxIndex, SqliteLedger
from ledger.inbox_index import Seen

Stages = dict[str, float]


@contextmanager
def timed(consumers: tuple[type, ...], watch: Steady) -> Iterator[Stages]:
    """Seconds by stage, from when the watch starts.

    `take` and `combine` are wholes, the others parts of them; waiting counts.
    """
    spent: Stages = defaultdict(float)
    wanted = [(kind, name, "fetch") for kind in consumers for name in ("receive", "at_end")]
    wanted += [(kind, "ack", "acknowledge") for kind in consumers]
    wanted += [
        (BatchReader, "read", "read"),
        (InboxIndex, "refresh", "index"),
        (Seen, "known", "index"),
        (Counter, "count", "count"),
        (SqliteLedger, "transact", "commit"),
        (SqliteLedger, "read", "look"),
        (PartitionMonitor, "take", "take"),
        (StreamCombiner, "step", "combine"),
    ]
    before = [(kind, name, getattr(kind, name)) for kind, name, _ in wanted]
    for (kind, name, stage), (_, _, real) in zip(wanted, before, strict=True):
        setattr(kind, name, _wrapped(real, stage, spent))
    take = PartitionMonitor.take

    async def taken(self: PartitionMonitor, messages: Any, **options: Any) -> Any:
        done = await take(self, messages, **options)
        if watch.took(len(messages)):
            spent.clear()
        return done

    PartitionMonitor.take = taken  # type: ignore[method-assign]
    try:
        yield spent
    finally:
        for kind, name, real in before:
            setattr(kind, name, real)


def _wrapped(real: Any, stage: str, spent: Stages) -> Any:
    import inspect

    if inspect.iscoroutinefunction(real):

        async def later(*given: Any, **named: Any) -> Any:
            begun = time.perf_counter()
            try:
                return await real(*given, **named)
            finally:
                spent[stage] += time.perf_counter() - begun

        return later

    def now(*given: Any, **named: Any) -> Any:
        begun = time.perf_counter()
        try:
            return real(*given, **named)
        finally:
            spent[stage] += time.perf_counter() - begun

    return now


def told(spent: Stages, whole_s: float, events: int) -> str:
    """One line: microseconds an event and share of the whole."""
    parts = sorted(spent.items(), key=lambda part: -part[1])
    return ", ".join(f"{name} {s / events * 1e6:.2f} us ({s / whole_s:.0%})" for name, s in parts)
