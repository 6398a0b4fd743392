"""The embedded broker: an SQLite log in a file of its own, behind the async protocol. See docs/design/broker.md."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from contracts import Clock
from triggers.brokers.cursors import Cursors, Reader
from triggers.brokers.embedded_consumer import EmbeddedConsumer
from triggers.brokers.errors import StopConsuming
from triggers.brokers.holders import Holders
from triggers.brokers.log import EventLog, check_sizes
from triggers.brokers.log_file import explain, open_log
from triggers.brokers.protocol import MAX_MESSAGE_BYTES, Initial, Outgoing

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EmbeddedSettings:
    """Bounds of the embedded broker.

    `partitions` is what a new topic gets. `batch_max_bytes` bounds one `receive`. An idle consumer looks for other
    processes' messages every `poll_interval_s` and for dead processes every `liveness_polls` of those (real seconds).
    A writer waits `busy_timeout_s` for another process's transaction.
    """

    partitions: int = 1
    max_message_bytes: int = MAX_MESSAGE_BYTES
    batch_max_bytes: int = 64 * 1024 * 1024
    poll_interval_s: float = 0.05
    liveness_polls: int = 20
    busy_timeout_s: float = 10.0


class EmbeddedBroker:
    """One process's connection to the log. Open it with `EmbeddedBroker.open`."""

    def __init__(self, path: Path, clock: Clock, settings: EmbeddedSettings) -> None:
        self.path = path
        self.settings = settings
        self.changed = asyncio.Event()
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="event-log")
        self._closed = False
        self._polls = 0
        self._data_version = -1

    @classmethod
    async def open(
        cls, path: Path, clock: Clock, *, owner: str | None = None, settings: EmbeddedSettings | None = None
    ) -> "EmbeddedBroker":
        """Open or create the log at `path`.

        An `owner` is a stable name, such as the worker's: opening under it again takes over at once from an earlier
        holder of the name, which then gets `StopConsuming`. Without one, death is noticed by the kernel's lock.

        Raises:
            AskOperator: the file cannot be used; the message says why and what to do.
        """
        broker = cls(path, clock, settings or EmbeddedSettings())
        try:
            await broker.call(broker._open, owner)
        except BaseException:
            broker._stop()
            raise
        return broker

    def _open(self, owner: str | None) -> None:
        self._connection = open_log(self.path, busy_timeout_s=self.settings.busy_timeout_s)
        try:
            self._log = EventLog(self._connection, partitions=self.settings.partitions)
            self.cursors = Cursors(self._connection, self._log)
            self._holders = Holders(self._connection, self.path)
            self._holders.register(owner)
            self._holders.bury()
        except BaseException:
            self._connection.close()
            raise

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def max_message_bytes(self) -> int:
        """Payload, key and properties of one message."""
        return self.settings.max_message_bytes

    async def publish(self, topic: str, payloads: Sequence[Outgoing]) -> list[str]:
        """Append; on disk when this returns. All or nothing."""
        check_sizes(payloads, self.settings.max_message_bytes)
        if not payloads:
            return []
        ids = await self.call(self._log.append, topic, payloads, self._clock.now())
        self.wake()
        return ids

    async def subscribe(self, topic: str, subscription: str, *, initial: Initial = "earliest") -> EmbeddedConsumer:
        """A consumer; what a dead process held on the subscription is free from here on."""
        return EmbeddedConsumer(self, await self.call(self._subscribe, topic, subscription, initial))

    def _subscribe(self, topic: str, subscription: str, initial: Initial) -> Reader:
        self._holders.bury()
        return self.cursors.open_reader(topic, subscription, initial, self._holders.id)

    async def ensure_subscription(self, topic: str, subscription: str, *, initial: Initial = "earliest") -> None:
        """Create topic and subscription unless they exist."""
        await self.call(self.cursors.ensure, topic, subscription, initial)

    async def backlog(self, topic: str, subscription: str) -> int:
        """Messages not acknowledged, those in flight included."""
        return await self.call(self.cursors.backlog, topic, subscription)

    async def topics(self) -> list[str]:
        """All topics, sorted."""
        return await self.call(self._log.topics)

    async def prune(self, topic: str, before_position: int) -> int:
        """Delete what lies below the position in each partition and every subscription has acknowledged; how many."""
        return await self.call(self._log.prune, topic, before_position)

    async def close(self) -> None:
        """Give back what is in flight and close the file."""
        if self._closed:
            return
        try:
            await self.call(self._leave)
        finally:
            self._stop()

    def _leave(self) -> None:
        try:
            self._holders.leave()
        finally:
            self._connection.close()

    def _stop(self) -> None:
        self._closed = True
        self._thread.shutdown(wait=False)
        self.wake()

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run in the log's thread, in the order of the calls.

        Raises:
            StopConsuming: the broker is closed.
            RetryLater, AskOperator: the file's fault, explained.
        """
        if self._closed:
            raise StopConsuming(f"{self.path}: this broker is closed; open another")

        def explained() -> T:
            try:
                return function(*args, **kwargs)
            except (sqlite3.Error, OSError) as error:
                raise explain(self.path, error) from error

        return await asyncio.get_running_loop().run_in_executor(self._thread, explained)

    def wake(self) -> None:
        """Let waiting consumers look again."""
        self.changed.set()
        self.changed = asyncio.Event()

    async def wait(self, changed: asyncio.Event) -> None:
        """Until this process changes the log, or another one may have; `changed` was taken before the last look."""
        while not changed.is_set():
            try:
                async with asyncio.timeout(self.settings.poll_interval_s):
                    await changed.wait()
            except TimeoutError:
                if await self.call(self._changed_outside):
                    self.wake()

    def _changed_outside(self) -> bool:
        self._polls += 1
        freed = self._polls % self.settings.liveness_polls == 0 and self._holders.bury()
        before = self._data_version
        self._data_version = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return freed or before != self._data_version
