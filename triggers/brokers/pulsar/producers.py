"""Publishing: one producer a topic, kept; everything acknowledged before it is called published."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from triggers.brokers.errors import BrokerError, RefuseMessage
from triggers.brokers.protocol import Outgoing
from triggers.brokers.pulsar.client import Connection
from triggers.brokers.pulsar.faults import is_lasting
from triggers.brokers.pulsar.messages import id_text
from triggers.brokers.pulsar.topics import Topic

_BATCH_MESSAGES, _BATCH_BYTES = 1_000, 128 * 1024
_BATCH_DELAY_MS = 1_000
"""Not waited for: a publish ends with a flush. What a cancelled one has left goes then."""
_PENDING = 10_000
_THREADS = 8
"""Apart from those in which consumers wait for messages."""
_AT_ONCE = 64
"""So many are handed to the client on the event loop; more go through a thread, where they may wait for room."""


class _Publication:
    """The acknowledgements of one publish; they arrive in the client's threads."""

    def __init__(self, count: int) -> None:
        self._loop = asyncio.get_running_loop()
        self.done: asyncio.Future[None] = self._loop.create_future()
        self.ids: list[Any] = [None] * count
        self.failed: dict[int, str] = {}
        self._left = count

    def settle(self, index: int, result: Any, message_id: Any) -> None:
        if result.name != "Ok":
            self.failed[index] = result.name
        self.ids[index] = message_id
        self._left -= (
            1  # all acknowledgements of a producer come in one thread at a time, which holds the interpreter's lock
        )
        if self._left == 0:
            _tell(self._loop, self._wake)

    def _wake(self) -> None:
        if not self.done.done():
            self.done.set_result(None)


class _Producer:
    """One of the client's producers, flushed in a thread, once at a time.

    In a thread, since only the client's waiting `flush` lets go of the interpreter before it takes the producer's
    lock. Who has the lock may be waiting for the interpreter, and with `flush_async` the whole process stood still.
    Once at a time, since of a topic with partitions the client takes a flush beside another for a wish to wait for that
    one, and sends nothing.
    """

    def __init__(self, raw: Any, threads: ThreadPoolExecutor) -> None:
        self.raw, self._threads = raw, threads
        self._flushing = self._again = False

    def flush(self) -> None:
        """Send what was handed over until now: at once, or when the flush under way has ended."""
        self._again = True
        if not self._flushing:
            self._begin()

    def _begin(self) -> None:
        with contextlib.suppress(RuntimeError):  # closed, as each message says of itself
            flushing = asyncio.get_running_loop().run_in_executor(self._threads, self.raw.flush)
            self._flushing, self._again = True, False
            flushing.add_done_callback(self._next)

    def _next(self, flushed: "asyncio.Future[None]") -> None:
        if not flushed.cancelled():
            flushed.exception()  # how it went is said by each message's own acknowledgement
        self._flushing = False
        if self._again:
            self._begin()


class Producers:
    """The producers of one broker."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._builders = connection.pulsar._pulsar.MessageBuilder
        self._made: dict[str, asyncio.Task[_Producer]] = {}
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="publishing")

    async def publish(self, topic: Topic, batch: Sequence[Outgoing]) -> list[str]:
        """Hand over in order, then wait for every acknowledgement."""
        producer = await self._producer(topic)
        publication = _Publication(len(batch))
        try:
            if len(batch) <= _AT_ONCE:
                _send(self._builders, producer.raw, batch, publication)
            else:
                self._connection.assert_open()
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(self._threads, _send, self._builders, producer.raw, batch, publication)
        finally:
            producer.flush()
        await publication.done
        if publication.failed:
            raise await self._explain(topic, producer, publication.failed, len(batch))
        return [id_text(each, max(each.partition(), 0)) for each in publication.ids]

    async def close(self) -> None:
        """The client closes them; those that are being made are waited for."""
        if self._made:
            await asyncio.wait(self._made.values())
        self._made.clear()
        self._threads.shutdown(wait=False)

    async def _producer(self, topic: Topic) -> _Producer:
        self._connection.assert_open()
        making = self._made.get(topic.full)
        if making is None:
            making = self._made[topic.full] = asyncio.create_task(self._make(topic))
        try:
            return await asyncio.shield(making)
        except BrokerError:
            if self._made.get(topic.full) is making:
                del self._made[topic.full]
            raise

    async def _make(self, topic: Topic) -> _Producer:
        connection = self._connection
        made = await connection.call(
            topic.name,
            "produce",
            connection.client.create_producer,
            topic.full,
            send_timeout_millis=round(connection.settings.send_timeout_s * 1000),
            max_pending_messages=_PENDING,
            block_if_queue_full=True,
            batching_enabled=True,
            batching_max_messages=_BATCH_MESSAGES,
            batching_max_allowed_size_in_bytes=_BATCH_BYTES,
            batching_max_publish_delay_ms=_BATCH_DELAY_MS,
        )
        return _Producer(made._producer, self._threads)  # what the client wraps checks no types

    async def _explain(self, topic: Topic, producer: _Producer, failed: dict[int, str], count: int) -> BrokerError:
        index, code = min(failed.items())
        if is_lasting(code):
            self._forget(topic, producer)
        if code == "MessageTooBig":
            return RefuseMessage(
                f"message {index} of the batch: the broker takes none so large; send a reference", index
            )
        error = await self._connection.explain(code, topic.name, "produce")
        return type(error)(f"{error}; {len(failed)} of {count} messages were not acknowledged")

    def _forget(self, topic: Topic, producer: _Producer) -> None:
        """Unless another publication has done so, and there is another one by now."""
        made = self._made.get(topic.full)
        if made is not None and made.done() and made.exception() is None and made.result() is producer:
            del self._made[topic.full]


def _send(builders: Any, producer: Any, batch: Sequence[Outgoing], publication: _Publication) -> None:
    for index, one in enumerate(batch):
        builder = builders()
        builder.content(one.payload)
        if one.key:
            builder.partition_key(one.key)
        for name, value in one.properties.items():
            builder.property(name, value)
        producer.send_async(builder.build(), partial(publication.settle, index))


def _tell(loop: asyncio.AbstractEventLoop, what: Callable[[], None]) -> None:
    """From a thread of the client's, where an error would end the process."""
    with contextlib.suppress(RuntimeError):  # the loop has ended
        loop.call_soon_threadsafe(what)
