"""Publishing: one producer a topic, kept; everything acknowledged before it is called published."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any

from triggers.brokers.errors import BrokerError, RefuseMessage, StopConsuming
from triggers.brokers.protocol import Outgoing
from triggers.brokers.pulsar.client import Connection
from triggers.brokers.pulsar.faults import is_lasting
from triggers.brokers.pulsar.messages import id_text
from triggers.brokers.pulsar.topics import Topic

_BATCH_MESSAGES, _BATCH_BYTES = 1_000, 128 * 1024
_BATCH_DELAY_MS = 1_000
"""Never waited for: what was handed over is flushed."""
_PENDING = 10_000
FLUSHES = "pulsar-flush"
"""What the threads are called."""
_PATIENCE_S = 5.0
"""For what is handed over to be so before the client ends, and for a flush to end when it has."""
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

    def give_up(self, error: BrokerError) -> None:
        if not self.done.done():
            self.done.set_exception(error)


class _Producer:
    """One of the client's producers, flushed in a thread of its own, once at a time.

    In a thread, since only the client's waiting `flush` lets go of the interpreter before it takes the producer's
    lock. Who has the lock may be waiting for the interpreter, and with `flush_async` the whole process stood still. Of
    its own, since it may wait for long, and others have nothing to do with that. Once at a time, since of a topic with
    partitions the client takes a flush beside another for a wish to wait for that one, and sends nothing.
    """

    def __init__(self, raw: Any) -> None:
        self.raw = raw
        self._loop = asyncio.get_running_loop()
        self._orders: SimpleQueue[bool] = SimpleQueue()
        self._thread = Thread(target=self._work, name=FLUSHES, daemon=True)
        self._flushing = self._again = False

    def flush(self) -> None:
        """Send what was handed over until now: at once, or when the flush under way has ended."""
        if self._flushing:
            self._again = True
            return
        if not self._thread.ident:
            self._thread.start()
        self._flushing, self._again = True, False
        self._orders.put(True)

    def end(self) -> None:
        """The thread ends when the client has done what it was told."""
        self._orders.put(False)

    def join(self, patience_s: float) -> None:
        """Wait for that: a thread that is in the client when the interpreter ends would end the process."""
        if self._thread.ident:
            self._thread.join(patience_s)

    def _work(self) -> None:
        while self._orders.get():
            with contextlib.suppress(Exception):  # each message's own acknowledgement says how it went
                self.raw.flush()
            _tell(self._loop, self._next)

    def _next(self) -> None:
        self._flushing = False
        if self._again:
            self.flush()


class Producers:
    """The producers of one broker."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._builders = connection.pulsar._pulsar.MessageBuilder
        self._made: dict[str, asyncio.Task[_Producer]] = {}
        self._all: list[_Producer] = []
        self._open: set[_Publication] = set()
        self._handing: set[asyncio.Future[None]] = set()
        self._closing = False

    async def publish(self, topic: Topic, batch: Sequence[Outgoing]) -> list[str]:
        """Hand over in order, then wait for every acknowledgement."""
        producer = await self._producer(topic)
        publication = _Publication(len(batch))
        self._open.add(publication)
        try:
            await self._hand_over(producer, batch, publication)
            await publication.done
        finally:
            self._open.discard(publication)
        if publication.failed:
            raise await self._explain(topic, producer, publication.failed, len(batch))
        return [id_text(each, max(each.partition(), 0)) for each in publication.ids]

    async def _hand_over(self, producer: _Producer, batch: Sequence[Outgoing], publication: _Publication) -> None:
        """A caller that is cancelled leaves it to its end."""
        self._assert_open()
        given = (self._builders, producer.raw, batch, publication)
        if len(batch) <= _AT_ONCE:
            _send(*given)
            producer.flush()
            return
        handing = asyncio.ensure_future(self._connection.run(_send, *given))
        self._handing.add(handing)
        handing.add_done_callback(partial(self._handed, producer))
        await asyncio.shield(handing)

    def _handed(self, producer: _Producer, handing: asyncio.Future[None]) -> None:
        self._handing.discard(handing)
        if not handing.cancelled():
            handing.exception()  # for whom it concerns, if anybody waits
        producer.flush()

    def _assert_open(self) -> None:
        if self._closing:
            raise StopConsuming("this broker is closed; open another")

    async def close(self) -> None:
        """Before the client ends: what comes now is refused, and what is being made or handed over is waited for. The
        client may forget what it is given beside its end."""
        self._closing = True
        if self._made:
            await asyncio.wait(self._made.values())
        if self._handing:
            await asyncio.wait(self._handing, timeout=_PATIENCE_S)
        self._made.clear()

    async def end(self) -> None:
        """Behind the client's end, which may say nothing of what was handed over beside it."""
        for publication in self._open:
            publication.give_up(StopConsuming("this broker was closed meanwhile; whether it took all is not known"))
        for producer in self._all:
            producer.end()
        await asyncio.gather(*(asyncio.to_thread(producer.join, _PATIENCE_S) for producer in self._all))

    async def _producer(self, topic: Topic) -> _Producer:
        self._connection.assert_open()
        self._assert_open()
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
        self._all.append(_Producer(made._producer))  # what the client wraps checks no types
        return self._all[-1]

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
            producer.end()


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
