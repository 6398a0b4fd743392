"""The wall clock; everything else takes an injected `Clock`."""

import time


class WallClock:
    """Microseconds since the epoch, UTC, as the machine has it."""

    def now(self) -> int:
        return time.time_ns() // 1_000
