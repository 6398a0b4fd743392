"""A look at a partition's past, through the client's reader: no subscription is left behind."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from triggers.brokers.errors import BrokerError, StopConsuming
from triggers.brokers.protocol import Message
from triggers.brokers.pulsar.client import Connection
from triggers.brokers.pulsar.messages import PulsarMessages
from triggers.brokers.pulsar.topics import Topic


class PulsarReader:
    """Made by `PulsarBroker.history`."""

    def __init__(self, connection: Connection, reader: Any, topic: Topic, partition: int, since: int | None) -> None:
        self._connection, self._reader, self._raw = connection, reader, reader._reader
        self._topic, self._partition = topic, partition
        self._since_ms = None if since is None else -(-since // 1000)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pulsar-reader")
        self._one_at_a_time = asyncio.Lock()
        self._fetch: asyncio.Future[list[Message]] | None = None
        self._ready: list[Message] = []
        self.closed = False

    async def read(self, max_messages: int) -> list[Message]:
        """The next messages; [] at the end. What a cancelled call fetched, the next one returns."""
        if max_messages < 1:
            raise ValueError(f"max_messages: {max_messages}; at least 1")
        async with self._one_at_a_time:
            if not self._ready:
                if self.closed or self._connection.closed:
                    raise StopConsuming(f"topic {self._topic.name!r}: this reader is closed; open another")
                if self._fetch is None:
                    loop = asyncio.get_running_loop()
                    self._fetch = loop.run_in_executor(self._thread, self._next, max_messages)
                await asyncio.wait({self._fetch})
                done, self._fetch = self._fetch, None
                self._ready = await self._explained(done)
            taken, self._ready = self._ready[:max_messages], self._ready[max_messages:]
            return taken

    async def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        try:
            await self._connection.call(self._topic.name, "consume", self._reader.close)
        except StopConsuming:
            pass
        finally:
            self._thread.shutdown(wait=False)

    async def _explained(self, done: "asyncio.Future[list[Message]]") -> list[Message]:
        try:
            return done.result()
        except self._connection.pulsar.PulsarException as error:
            problem: BrokerError = await self._connection.explain(type(error).__name__, self._topic.name, "consume")
            raise problem from error

    def _next(self, count: int) -> list[Message]:
        found: list[Message] = []
        since, wait_ms = self._since_ms, round(self._connection.settings.operation_timeout_s * 1000)
        room = self._connection.settings.batch_max_bytes
        while len(found) < count and room > 0 and self._raw.has_message_available():
            raw = self._raw.read_next(wait_ms)
            room -= raw.length()
            if since is None or raw.publish_timestamp() >= since:
                found += PulsarMessages([raw], self._topic.name, self._partition)
        return found
