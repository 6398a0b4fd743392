"""A consumer of the embedded broker."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from triggers.brokers.cursors import Reader
from triggers.brokers.protocol import Message

if TYPE_CHECKING:
    from triggers.brokers.embedded import EmbeddedBroker


class EmbeddedConsumer:
    """Made by `EmbeddedBroker.subscribe`."""

    def __init__(self, broker: "EmbeddedBroker", reader: Reader) -> None:
        self._broker = broker
        self._reader = reader
        self._one_at_a_time = asyncio.Lock()
        self._claiming: asyncio.Task[list[Message]] | None = None
        self._ready: deque[Message] = deque()
        self._closed = False

    async def receive(self, max_messages: int, *, wait: bool = True) -> list[Message]:
        """The next messages, in order."""
        if max_messages < 1:
            raise ValueError(f"max_messages: {max_messages}; at least 1")
        while True:
            changed = self._broker.changed  # before looking, so that no message slips in between
            messages = await self._take(max_messages)
            if messages or not wait:
                return messages
            await self._broker.wait(changed)

    async def _take(self, max_messages: int) -> list[Message]:
        async with self._one_at_a_time:
            if not self._ready:
                if self._claiming is None:
                    bound = self._broker.settings.batch_max_bytes
                    self._claiming = asyncio.create_task(
                        self._broker.call(self._broker.cursors.claim, self._reader, max_messages, bound)
                    )
                await asyncio.wait({self._claiming})  # a cancelled caller leaves the claim to the next one
                done, self._claiming = self._claiming, None
                self._ready.extend(done.result())
            return [self._ready.popleft() for _ in range(min(max_messages, len(self._ready)))]

    async def ack(self, messages: Sequence[Message]) -> None:
        """Durable when this returns."""
        if messages:
            await self._broker.call(self._broker.cursors.ack, self._reader, messages)

    async def nack(self, messages: Sequence[Message]) -> None:
        """Free those still held here; they come again at once."""
        if messages:
            await self._broker.call(self._broker.cursors.nack, self._reader, messages)
            self._broker.wake()

    async def close(self) -> None:
        """Free what is held."""
        if self._closed or self._broker.closed:
            return
        self._closed = True
        self._ready.clear()
        await self._broker.call(self._broker.cursors.close_reader, self._reader)
        self._broker.wake()
