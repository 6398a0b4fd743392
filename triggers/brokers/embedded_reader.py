"""A look at the past of one partition of the embedded log."""

import asyncio

from triggers.brokers.log import EventLog
from triggers.brokers.log_thread import LogThread
from triggers.brokers.protocol import Message


class EmbeddedReader:
    """Made by `EmbeddedBroker.history`; covers the positions [`start`, `stop`)."""

    def __init__(
        self, thread: LogThread, log: EventLog, topic: str, partition: int, start: int, stop: int, max_bytes: int
    ) -> None:
        self._thread, self._log = thread, log
        self._topic, self._partition = topic, partition
        self._at, self._stop = start, stop
        self._max_bytes = max_bytes
        self._one_at_a_time = asyncio.Lock()

    async def read(self, max_messages: int) -> list[Message]:
        """The next messages; [] at the end. A cancelled call reads nothing."""
        if max_messages < 1:
            raise ValueError(f"max_messages: {max_messages}; at least 1")
        async with self._one_at_a_time:
            stop = min(self._stop, self._at + max_messages)
            if self._at >= stop:
                return []
            found, _ = await self._thread.call(
                self._log.read, self._topic, self._partition, self._at, stop, 0, self._max_bytes
            )
            self._at = found[-1].position + 1 if found else self._stop
            return list(found)

    async def close(self) -> None:
        """Nothing more is read."""
        self._at = self._stop
