"""A stop watch that starts when the first events are through: start-up is not measured.

Start-up is connecting, subscribing (a failover subscription waits a second before it names its consumer), and loading
the inbox's index. It costs the same for ten events as for ten million.
"""

import time
from dataclasses import dataclass, field
from typing import NamedTuple

WARM = 32_768
"""Events before the watch starts: more than lie ready in the queue of any of the loops when it begins."""


class Pace(NamedTuple):
    """Events a second, and microseconds of processor time an event (all threads of this process)."""

    rate: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.rate:,.0f}/s ({self.cpu:.2f} us of CPU each)"


@dataclass
class Steady:
    """`took` for what is through; `pace` at the end."""

    done: int = 0
    first: int = 0
    begun: tuple[float, float] | None = field(default=None)

    def took(self, events: int) -> bool:
        """Whether the watch started just now."""
        self.done += events
        if self.begun is not None or self.done < WARM:
            return False
        self.first, self.begun = self.done, (time.perf_counter(), time.process_time())
        return True

    @property
    def measured(self) -> int:
        return self.done - self.first

    @property
    def seconds(self) -> float:
        assert self.begun is not None, "more events than the watch needs to start"
        return time.perf_counter() - self.begun[0]

    def pace(self) -> Pace:
        seconds = self.seconds
        assert self.begun is not None
        return Pace(self.measured / seconds, (time.process_time() - self.begun[1]) / self.measured * 1e6)
