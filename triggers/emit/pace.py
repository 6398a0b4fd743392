"""How fast a file is published: at once, or in proportion to the time of its events."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from contracts import DAY, SECOND, Clock
from triggers.emit.prepare import BadRow, Ready

Sleep = Callable[[float], Awaitable[None]]
MAX_JUMP = 30 * DAY
"""A longer leap ahead in event time is not waited for: it is a gap in the file, or a wrong clock."""
MIN_SLEEP_S = 0.01


class Pace:
    """The first event is due at once; one that happened `d` later is due `d / speed` later. None: all are due."""

    def __init__(self, speed: float | None, clock: Clock, sleep: Sleep = asyncio.sleep) -> None:
        self._speed, self._clock, self.sleep = speed, clock, sleep
        self._started: int | None = None
        self._passed = 0
        self._front = 0

    async def due(self, rows: Sequence[Ready | BadRow]) -> int:
        """Wait until the first of the rows is due; how many of them are due then."""
        if self._speed is None:
            return len(rows)
        if (wait := self._due(rows[0]) - self._clock.now()) > 0:
            await self.sleep(max(MIN_SLEEP_S, wait / SECOND))
        now = max(self._clock.now(), self._due(rows[0]))
        return next((place for place, row in enumerate(rows) if self._due(row) > now), len(rows))

    def _due(self, row: Ready | BadRow) -> int:
        """An instant of our clock. What happened earlier than a row before it is due together with that one."""
        assert self._speed is not None
        time = row.time if isinstance(row, Ready) else None
        if self._started is None:
            if time is None:
                return self._clock.now()
            self._started, self._front = self._clock.now(), time
        if time is not None and time > self._front:
            if time - self._front <= MAX_JUMP:
                self._passed += time - self._front
            self._front = time
        return self._started + round(self._passed / self._speed)
