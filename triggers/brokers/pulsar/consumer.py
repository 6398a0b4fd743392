"""A consumer over the client's blocking one: a thread waits, the event loop hands out."""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from triggers.brokers.errors import AskOperator, BrokerError, RetryLater, StopConsuming
from triggers.brokers.protocol import Message, Sharing
from triggers.brokers.pulsar.acks import Acks
from triggers.brokers.pulsar.client import Connection
from triggers.brokers.pulsar.messages import PulsarMessages, position_of, raws_of
from triggers.brokers.pulsar.queues import QueueLength
from triggers.brokers.pulsar.topics import Topic

_SLICE_MS = 1_000
"""How long a thread waits at once: how soon an outage is noticed."""
SINGLES = 8
"""So many messages at once mean that more are coming: from there on whole batches are taken."""
BACKLOG = 64
"""So many at once mean that more are waiting: the client's thread takes the next ones out meanwhile, one batch."""
_PATIENCE_S = 10
"""How long without a connection before a waiting consumer says why."""
_log = logging.getLogger("forestall.broker")


class PulsarConsumer:
    """Made by `PulsarBroker.subscribe`; of one partition, or of all (`partition` None)."""

    def __init__(
        self,
        connection: Connection,
        consumer: Any,
        topic: Topic,
        partition: int | None,
        sharing: Sharing,
        queue: QueueLength,
        attach: Callable[[int], Awaitable[Any]],
        backlog: Callable[[], Awaitable[int]],
    ) -> None:
        self._connection, self._consumer, self._raw = connection, consumer, consumer._consumer
        self._queue, self._attach = queue, attach
        self._fits_itself = partition is not None and sharing != "shared"
        self._fitting: asyncio.Task[None] | None = None
        self._detached = self._again = False
        self._topic, self._partition, self._sharing, self._backlog = topic, partition, sharing, backlog
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pulsar-consumer")
        self._one_at_a_time = asyncio.Lock()
        self._fetch: asyncio.Future[PulsarMessages] | None = None
        self._blocking = False
        self._ready: PulsarMessages = PulsarMessages([], topic.name, partition)
        self._acks = Acks(self._raw, partition, cumulative=sharing != "shared")
        self._last = -1
        self._silent_since: float | None = None
        self._away_since: float | None = None
        self._asked = -math.inf
        self.closed = False

    async def receive(self, max_messages: int, *, wait: bool = True) -> Sequence[Message]:
        """The next messages, in order."""
        if max_messages < 1:
            raise ValueError(f"max_messages: {max_messages}; at least 1")
        while True:
            if not wait and self._fetch is not None and not self._fetch.done() and self._blocking:
                return []  # an earlier call's thread still waits for the first message
            messages = await self._take(max_messages, wait)
            if messages or not wait:
                return messages
            await self._complain_if_away()

    async def ack(self, messages: Sequence[Message]) -> None:
        """Sent soon; `close` waits for it."""
        self._assert_open()
        await self._attachment()
        self._note_sizes(messages)
        if self._acks.up_to(messages):
            return
        send = self._acks.individually(messages)
        if len(messages) <= SINGLES:
            send()
        else:
            await self._connection.run(send)

    async def at_end(self) -> bool:
        """The last of the topic was handed out here; or else, nothing is left unacknowledged."""
        self._assert_open()
        await self._attachment()
        if self._ready or (self._fetch is not None and not self._blocking):
            return False
        if self._partition is not None and self._sharing != "shared":
            last = await self._connection.call(self._topic.name, "consume", self._raw.get_last_message_id)
            if last.entry_id() < 0 or position_of(last) <= self._last:
                return True
        if self._silent_since is None:
            return False  # messages are still coming
        try:
            ended = await self._backlog() == 0
        except (AskOperator, RetryLater) as error:
            ended = self._silent_for_long(error)
        if not ended:
            self._ask_again()
        return ended

    async def close(self) -> None:
        """Acknowledgements are sent, the rest is given back."""
        if self.closed:
            return
        self.closed = True
        if self._fetch is not None:
            self._fetch.add_done_callback(_seen)
        if self._fitting is not None:
            await asyncio.wait({self._fitting})
            _seen(self._fitting)
        try:
            if not self._connection.closed and not self._detached:
                await self._connection.call(self._topic.name, "consume", self._consumer.close)
        except StopConsuming:
            pass
        finally:
            self._thread.shutdown(wait=False)
            self._ready = self._ready[:0]

    async def _take(self, max_messages: int, wait: bool) -> PulsarMessages:
        async with self._one_at_a_time:
            if not self._ready:
                self._assert_open()
                if self._fetch is None:
                    await self._fit()
                    self._start(wait)
                    assert self._fetch is not None
                await asyncio.wait({self._fetch})  # a cancelled caller leaves it to the next one
                done, self._fetch = self._fetch, None
                await self._accept(done)
            taken, self._ready = self._ready[:max_messages], self._ready[max_messages:]
            self._acks.handed_out(taken)
            if len(taken) >= BACKLOG and not self._ready and not self._must_fit:
                self._start(wait=False, many=True)
            return taken

    def _start(self, wait: bool, *, many: bool = False) -> None:
        self._blocking = wait
        fetch = self._many if many else partial(self._raws, wait)
        self._fetch = asyncio.get_running_loop().run_in_executor(self._thread, self._fetched, fetch)

    async def _accept(self, done: "asyncio.Future[PulsarMessages]") -> None:
        try:
            messages = done.result()
        except self._connection.pulsar.PulsarException as error:
            self._assert_open()
            raise await self._connection.explain(type(error).__name__, self._topic.name, "consume") from error
        if not messages:
            self._silent_since = self._silent_since or time.monotonic()
            return
        self._silent_since = self._away_since = None
        if self._again and not (messages := self._beyond_the_last(messages)):
            return
        self._ready = messages
        if self._partition is not None:
            self._last = messages[-1].position

    def _fetched(self, fetch: Callable[[], list[Any]]) -> PulsarMessages:
        """In the thread."""
        return PulsarMessages(fetch(), self._topic.name, self._partition)

    def _many(self) -> list[Any]:
        """All that the client holds, or what comes within a moment, where more are known to wait: at one go, since
        between two calls somebody else may keep the interpreter for long."""
        return list(self._raw.batch_receive())

    def _raws(self, wait: bool) -> list[Any]:
        """A few one by one, then all that the client holds. Of large ones fewer: a batch is bounded in bytes."""
        found: list[Any] = []
        room = self._connection.settings.batch_max_bytes
        try:
            found.append(self._raw.receive(_SLICE_MS if wait else 1))
            while len(found) < SINGLES and (room := room - found[-1].length()) > 0:
                found.append(self._raw.receive(0))
        except self._connection.pulsar.Timeout:
            return found
        return found + self._raw.batch_receive() if room > 0 else found

    @property
    def _must_fit(self) -> bool:
        return self._fits_itself and self._queue.misfits

    async def _fit(self) -> None:
        """Nothing is in our hands that was not handed out: the moment for a queue of another length."""
        if self._fitting is None and self._must_fit:
            self._fitting = asyncio.create_task(self._subscribe_anew())
        await self._attachment()

    async def _attachment(self) -> None:
        """Return when the client's consumer is there; a caller that is cancelled leaves the making of it to the next.

        Raises:
            BrokerError: it could not be had; the next call tries again.
        """
        if self._fitting is None:
            if not self._detached:
                return
            self._fitting = asyncio.create_task(self._subscribe_anew())
        fitting = self._fitting
        await asyncio.wait({fitting})
        if self._fitting is fitting:
            self._fitting = None
        fitting.result()

    async def _subscribe_anew(self) -> None:
        """What was handed out and is not acknowledged comes again, and is left out; it is acknowledged as ever."""
        if not self._detached:
            before, self._detached = self._queue.size, True
            self._queue.fit()
            _log.info("topic %s: a queue of %d messages instead of %d", self._topic.name, self._queue.size, before)
            with contextlib.suppress(BrokerError):
                await self._connection.call(self._topic.name, "consume", self._consumer.close)
        self._consumer = await self._attach(self._queue.size)
        self._raw = self._acks.consumer = self._consumer._consumer
        self._detached, self._again = False, True

    def _beyond_the_last(self, messages: PulsarMessages) -> PulsarMessages:
        """Behind a new subscription: what was not handed out before."""
        places = range(len(messages))
        first = next((place for place in places if messages[place].position > self._last), len(messages))
        self._again = first == len(messages)
        return messages[first:]

    def _note_sizes(self, messages: Sequence[Message]) -> None:
        """What was read of them says how long the queue may be."""
        if isinstance(messages, PulsarMessages) and messages.payloads.counted:
            self._queue.seen(messages.payloads.counted, messages.payloads.size)
        elif messages:
            self._queue.seen(len(messages), sum(raw.length() for raw in raws_of(messages)))

    async def _complain_if_away(self) -> None:
        """Nothing came. Without a connection for long, say why; the client goes on trying, the caller may, too."""
        if self._raw.is_connected():
            self._away_since = None
            return
        now = time.monotonic()
        self._away_since = self._away_since or now
        if now - self._away_since >= _PATIENCE_S:
            self._away_since = None
            raise await self._connection.explain("NotConnected", self._topic.name, "consume")

    def _ask_again(self) -> None:
        """More is there, nothing of it comes, and nothing is in our hands. A broker may forget to send when a partition
        changes hands (apache/pulsar#26164); asked for what is not acknowledged, it begins anew."""
        assert self._silent_since is not None
        now, bound = time.monotonic(), self._connection.settings.silence_s
        if now - max(self._silent_since, self._asked) < bound or self._acks.any_outstanding:
            return
        if self._raw.is_connected():
            self._asked = now
            _log.warning("topic %s: the broker has more and sends nothing; asking for it again", self._topic.name)
            self._raw.redeliver_unacknowledged_messages()

    def _silent_for_long(self, error: Exception) -> bool:
        """Twice as long as it takes to ask the broker again."""
        assert self._silent_since is not None
        bound = 2 * self._connection.settings.silence_s
        if time.monotonic() - self._silent_since < bound or not self._raw.is_connected():
            return False
        _log.warning(
            "topic %s: %g s of silence are taken for its end, for want of better: %s", self._topic.name, bound, error
        )
        return True

    def _assert_open(self) -> None:
        if self.closed or self._connection.closed:
            raise StopConsuming(f"topic {self._topic.name!r}: this consumer is closed; subscribe anew")


def _seen(done: "asyncio.Future[Any]") -> None:
    """A fault that nobody waits for any more."""
    if not done.cancelled():
        done.exception()
