"""A consumer of the embedded broker."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from triggers.brokers.cursors import Cursors, Member
from triggers.brokers.log_thread import LogThread
from triggers.brokers.protocol import Message


class EmbeddedConsumer:
    """Made by `EmbeddedBroker.subscribe`."""

    def __init__(
        self,
        thread: LogThread,
        cursors: Cursors,
        member: Member,
        batch_max_bytes: int,
        changed_outside: Callable[[], bool],
    ) -> None:
        self._thread = thread
        self._cursors = cursors
        self._member = member
        self._batch_max_bytes = batch_max_bytes
        self._changed_outside = changed_outside
        self._one_at_a_time = asyncio.Lock()
        self._claim: asyncio.Task[list[Message]] | None = None
        self._ready: deque[Message] = deque()
        self._turn = 0
        self._closed = False

    async def receive(self, max_messages: int, *, wait: bool = True) -> list[Message]:
        """The next messages, in order."""
        if max_messages < 1:
            raise ValueError(f"max_messages: {max_messages}; at least 1")
        while True:
            changed = self._thread.changed  # before looking, so that no message slips in between
            messages = await self._take(max_messages)
            if messages or not wait:
                return messages
            await self._thread.wait(changed, self._changed_outside)

    async def ack(self, messages: Sequence[Message]) -> None:
        """On disk when this returns."""
        if messages:
            await self._thread.call(self._cursors.ack, self._member, messages)

    async def at_end(self) -> bool:
        """Nothing is left to hand out here."""
        async with self._one_at_a_time:
            if self._ready or self._claim is not None:
                return False
            return await self._thread.call(self._cursors.at_end, self._member)

    async def close(self) -> None:
        """Free what is held."""
        if self._closed or self._thread.closed:
            return
        self._closed = True
        if self._claim is not None:
            await asyncio.wait({self._claim})
        self._ready.clear()
        await self._thread.change(self._cursors.leave, self._member)

    async def _take(self, max_messages: int) -> list[Message]:
        async with self._one_at_a_time:
            if not self._ready:
                if self._claim is None:
                    claim = self._thread.call(
                        self._cursors.claim, self._member, self._turn, max_messages, self._batch_max_bytes
                    )
                    self._claim = asyncio.create_task(claim)
                    self._turn += 1
                await asyncio.wait({self._claim})  # a cancelled caller leaves the claim to the next one
                done, self._claim = self._claim, None
                self._ready.extend(done.result())
            return [self._ready.popleft() for _ in range(min(max_messages, len(self._ready)))]
