"""How long a consumer's queue may be: the client bounds it in messages, memory is bounded in bytes."""

from collections.abc import Callable
from typing import Any

from triggers.brokers.pulsar.client import Connection
from triggers.brokers.pulsar.settings import PulsarSettings

WINDOW = 64
"""Messages over which their size is averaged."""
SLACK = 1.25
"""So far a queue may be beyond the bound before it is made shorter."""
GROWS, GROWS_AFTER = 4, 1_000
"""So many times as long it has to be before a queue is made longer, after so many messages that say so."""
_LOOK_MS = 1_000


class QueueLength:
    """`size`: the messages that fit into `receiver_bytes`, by the size of those that were seen; at least one.

    As long as nothing was seen of a topic, every message is taken for the largest.
    """

    def __init__(self, settings: PulsarSettings) -> None:
        self._settings = settings
        self._mean: float | None = None
        self._since = 0
        self.size = self._wanted = self._fitting(settings.max_message_bytes)

    @property
    def matters(self) -> bool:
        """Whether the largest messages do not fit."""
        return self.size < self._settings.receiver_queue_size

    def look(self, size: int | None) -> bool:
        """A message of so many bytes is there, or none; whether that takes another queue. The largest one counts."""
        before = self.size
        if size is not None:
            self._mean = max(self._mean or 0, size)
            self.size = self._fitting(self._mean)
        return self.size != before

    def seen(self, messages: int, size: int) -> None:
        """So many messages of so many bytes together came."""
        mean = size / messages
        weight = 1.0 if self._mean is None else min(1.0, messages / WINDOW)
        self._mean = (self._mean or 0) * (1 - weight) + mean * weight
        self._since += messages
        self._wanted = self._fitting(max(mean, self._mean))

    @property
    def misfits(self) -> bool:
        """Whether it is too long for what comes, or needlessly short."""
        if self._mean is None or self._since == 0:
            return False
        if self._since >= GROWS_AFTER and self._wanted >= GROWS * self.size:
            return True
        return self.size > 1 and self._mean * self.size > SLACK * self._settings.receiver_bytes

    def fit(self) -> None:
        """Take the size that is wanted now."""
        self.size, self._since = self._wanted, 0

    def _fitting(self, mean: float) -> int:
        settings = self._settings
        return max(1, min(settings.receiver_queue_size, int(settings.receiver_bytes / max(mean, 1))))


def size_of(connection: Connection, full: str, message_id: Any = None) -> int | None:
    """In a thread: the size of a message that is kept of a topic, in bytes, the oldest where none is named; None where
    there is none."""
    pulsar, inclusive = connection.pulsar, message_id is not None
    start = message_id if inclusive else pulsar.MessageId.earliest
    reader: Any = connection.client.create_reader(
        full, start, receiver_queue_size=1, start_message_id_inclusive=inclusive
    )
    try:
        raw = reader._reader
        return int(raw.read_next(_LOOK_MS).length()) if raw.has_message_available() else None
    except pulsar.Timeout:
        return None
    finally:
        reader.close()


def subscribed_by_size(connection: Connection, full: str, queue: QueueLength, subscribed: Callable[[int], Any]) -> Any:
    """In a thread: a consumer whose queue fits the oldest and the newest message of the topic.

    Of these only the newest is known where it lies by a consumer alone: it may have to be another one then.
    """
    queue.look(size_of(connection, full))
    consumer = subscribed(queue.size)
    try:
        last = consumer._consumer.get_last_message_id()
        another = last.entry_id() >= 0 and queue.look(size_of(connection, full, last))
    except BaseException:
        consumer.close()
        raise
    if not another:
        return consumer
    consumer.close()
    return subscribed(queue.size)
