"""The embedded broker: an SQLite log in a file of its own, behind the async protocol. See docs/design/broker.md."""

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from contracts import Clock
from triggers.brokers.checks import check_messages
from triggers.brokers.cursors import Cursors, Member
from triggers.brokers.embedded_consumer import EmbeddedConsumer
from triggers.brokers.embedded_reader import EmbeddedReader
from triggers.brokers.errors import AskOperator
from triggers.brokers.holders import Holders
from triggers.brokers.log import EventLog
from triggers.brokers.log_file import open_log
from triggers.brokers.log_thread import LogThread
from triggers.brokers.protocol import MAX_MESSAGE_BYTES, Initial, Outgoing, Sharing


@dataclass(frozen=True, slots=True)
class EmbeddedSettings:
    """Bounds of the embedded broker.

    `partitions` is what a new topic gets. `batch_max_bytes` bounds the payloads of one `receive`. An idle consumer
    looks for other processes' messages every `poll_interval_s`, and for dead processes every `liveness_polls` of those
    (real seconds). A writer waits `busy_timeout_s` for another process's transaction.
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
        self._clock = clock
        self._settings = settings
        self._thread = LogThread(path, poll_interval_s=settings.poll_interval_s)
        self._connection: sqlite3.Connection
        self._log: EventLog
        self._cursors: Cursors
        self._holders: Holders
        self._data_version = -1
        self._polls = 0

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
            await broker._thread.call(broker._open, path, owner)
        except BaseException:
            await broker._thread.close(lambda: None)
            raise
        return broker

    @property
    def max_message_bytes(self) -> int:
        """The bound on payload, key and properties of one message."""
        return self._settings.max_message_bytes

    async def publish(self, topic: str, payloads: Sequence[Outgoing]) -> list[str]:
        """Append, all or nothing; on disk when this returns."""
        check_messages(payloads, self._settings.max_message_bytes)
        if not payloads:
            return []
        return await self._thread.change(self._log.append, topic, payloads, self._clock.now())

    async def subscribe(
        self,
        topic: str,
        subscription: str,
        *,
        partition: int | None = None,
        initial: Initial | None = None,
        sharing: Sharing = "failover",
    ) -> EmbeddedConsumer:
        """A consumer; what dead processes held is free from here on."""
        member = await self._thread.call(
            self._subscribe, topic, subscription, partition, initial or "earliest", sharing
        )
        return EmbeddedConsumer(
            self._thread, self._cursors, member, self._settings.batch_max_bytes, self._changed_outside
        )

    async def ensure_subscription(self, topic: str, subscription: str, *, initial: Initial | None = None) -> None:
        """Create topic and subscription unless they exist."""
        await self._thread.call(self._cursors.ensure, topic, subscription, initial or "earliest")

    async def backlog(self, topic: str, subscription: str) -> int:
        """Messages not acknowledged, those in flight included."""
        return await self._thread.call(self._cursors.backlog, topic, subscription)

    async def usage(self, topic: str, subscription: str, *, handled: bool = False) -> None:
        """The log lies in the home: nobody else is there."""

    async def topics(self) -> list[str]:
        """All topics, sorted."""
        return await self._thread.call(self._log.topics)

    async def matching(self, pattern: str) -> list[str]:
        """The topics whose whole name matches, sorted."""
        try:
            matches = re.compile(pattern).fullmatch
        except re.error as error:
            raise AskOperator(f"pattern {pattern!r}: {error}; write a regular expression") from error
        return [name for name in await self.topics() if matches(name)]

    async def partitions(self, topic: str) -> int:
        """How many the topic has, or would get."""
        return await self._thread.call(self._log.partitions, topic)

    async def create_topic(self, topic: str, partitions: int) -> None:
        """Create it unless it exists."""
        if partitions < 1:
            raise ValueError(f"partitions: {partitions}; at least 1")
        await self._thread.call(self._log.create, topic, partitions)

    async def history(
        self, topic: str, partition: int, *, since: int | None = None, after: str | None = None
    ) -> EmbeddedReader:
        """What is kept, from a time or from behind a message id."""
        start, stop = await self._thread.call(self._log.span, topic, partition, since)
        if after is not None:
            start = max(start, _position_of(after, partition, since) + 1)
        return EmbeddedReader(self._thread, self._log, topic, partition, start, stop, self._settings.batch_max_bytes)

    async def schema(self, topic: str, version: bytes | None) -> str | None:  # noqa: ARG002
        """None: the log keeps no schemas."""
        return None

    async def prune(self, topic: str, before_position: int) -> int:
        """Delete what lies below the position in each partition and every subscription has acknowledged; how many.

        Whole segments only (`segments.SEGMENT_MAX_MESSAGES`): a few messages below the position may stay.
        """
        return await self._thread.call(self._log.prune, topic, before_position)

    async def close(self) -> None:
        """Give back what is in flight and close the file."""
        if not self._thread.closed:
            await self._thread.close(self._leave)

    def _open(self, path: Path, owner: str | None) -> None:
        self._connection = open_log(path, busy_timeout_s=self._settings.busy_timeout_s)
        try:
            self._log = EventLog(self._connection, partitions=self._settings.partitions)
            self._cursors = Cursors(self._connection, self._log)
            self._holders = Holders(self._connection, path)
            self._holders.register(owner)
            self._holders.bury()
        except BaseException:
            self._connection.close()
            raise

    def _subscribe(
        self, topic: str, subscription: str, partition: int | None, initial: Initial, sharing: Sharing
    ) -> Member:
        self._holders.bury()
        return self._cursors.join(topic, subscription, partition, initial, sharing, self._holders.id)

    def _changed_outside(self) -> bool:
        self._polls += 1
        freed = self._polls % self._settings.liveness_polls == 0 and self._holders.bury()
        before = self._data_version
        self._data_version = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return freed or before != self._data_version

    def _leave(self) -> None:
        try:
            self._holders.leave()
        finally:
            self._connection.close()


def _position_of(message_id: str, partition: int, since: int | None) -> int:
    number, _, position = message_id.partition(":")
    if since is not None or number != str(partition) or not position.isdecimal():
        raise ValueError(
            f"after: {message_id!r}, since: {since}; one of the two, and a message id of partition {partition}"
        )
    return int(position)
