"""Topics and their messages in the embedded log. Synchronous: it runs in the broker's own thread."""

import sqlite3
from collections.abc import Iterator, Sequence
from zlib import crc32

import msgspec

from triggers.brokers.errors import RefuseMessage
from triggers.brokers.log_file import POSITION_BITS, writing
from triggers.brokers.protocol import NO_PROPERTIES, Message, Outgoing

_INSERT = "INSERT INTO message (id, key, payload, publish_time, properties) VALUES (?, ?, ?, ?, ?)"
_RANGE = "SELECT id, key, payload, publish_time, properties FROM message WHERE id >= ? AND id < ? ORDER BY id"
_PRUNE_ROWS = 10_000
"""Rows deleted in one transaction, so that nobody waits long for the write lock."""


class EventLog:
    """Appends, reads and prunes. `partitions` is how many a topic gets that does not exist yet."""

    def __init__(self, connection: sqlite3.Connection, *, partitions: int) -> None:
        self._connection = connection
        self._partitions = partitions
        self._known: dict[str, tuple[int, list[int]]] = {}

    def topic(self, name: str) -> tuple[int, list[int]]:
        """The topic's id and the ids of its partitions, in order; created if need be."""
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._find(name) or self._create(name)
        return known

    def topics(self) -> list[str]:
        return [name for (name,) in self._connection.execute("SELECT name FROM topic ORDER BY name")]

    def append(self, topic: str, batch: Sequence[Outgoing], now: int) -> list[str]:
        """Message ids in the order given; the rows are on disk when this returns."""
        ids = self.topic(topic)[1]
        placed = [_partition_of(one, len(ids)) for one in batch]
        message_ids = [""] * len(batch)
        with writing(self._connection):
            for number in sorted(set(placed)):
                chosen = [index for index, where in enumerate(placed) if where == number]
                position = self._advance(ids[number], len(chosen))
                base = (ids[number] << POSITION_BITS) + position
                self._connection.executemany(_INSERT, _rows(base, [batch[index] for index in chosen], now))
                for offset, index in enumerate(chosen):
                    message_ids[index] = f"{number}:{position + offset}"
        return message_ids

    def read(
        self, topic: str, number: int, start: int, stop: int, redeliveries: int, max_bytes: int
    ) -> tuple[list[Message], int]:
        """The messages at positions [`start`, `stop`) of a partition in order, and their payloads' bytes.

        Stops before `max_bytes` is passed, but never before the first message.
        """
        base = self.topic(topic)[1][number] << POSITION_BITS
        messages: list[Message] = []
        size = 0
        for row, key, payload, published, properties in self._connection.execute(_RANGE, (base + start, base + stop)):
            size += len(payload)
            if size > max_bytes and messages:
                return messages, size - len(payload)
            decoded = NO_PROPERTIES if properties is None else msgspec.json.decode(properties)
            position = row - base
            message_id = f"{number}:{position}"
            messages.append(
                Message(topic, number, message_id, position, key, payload, published, decoded, redeliveries)
            )
        return messages, size

    def prune(self, topic: str, before_position: int) -> int:
        """Delete messages below the position in every partition that every subscription has acknowledged."""
        deleted = 0
        for partition in self.topic(topic)[1]:
            while rows := self._prune_some(partition, before_position):
                deleted += rows
        return deleted

    def _prune_some(self, partition: int, before_position: int) -> int:
        with writing(self._connection):
            first, stop = self._connection.execute(
                "SELECT first_position, min(next_position, ?, coalesce((SELECT min(low) FROM cursor"
                " WHERE partition_id = partition.id), next_position)) FROM partition WHERE id = ?",
                (before_position, partition),
            ).fetchone()
            stop = min(stop, first + _PRUNE_ROWS)
            if stop <= first:
                return 0
            base = partition << POSITION_BITS
            self._connection.execute("DELETE FROM message WHERE id >= ? AND id < ?", (base + first, base + stop))
            self._connection.execute("UPDATE partition SET first_position = ? WHERE id = ?", (stop, partition))
            return int(stop - first)

    def _advance(self, partition: int, count: int) -> int:
        changed = self._connection.execute(
            "UPDATE partition SET next_position = next_position + ? WHERE id = ? RETURNING next_position",
            (count, partition),
        ).fetchall()
        return int(changed[0][0]) - count

    def _find(self, name: str) -> tuple[int, list[int]] | None:
        rows = self._connection.execute(
            "SELECT topic.id, partition.id FROM topic JOIN partition ON topic_id = topic.id"
            " WHERE name = ? ORDER BY number",
            (name,),
        ).fetchall()
        return (rows[0][0], [partition for _, partition in rows]) if rows else None

    def _create(self, name: str) -> tuple[int, list[int]]:
        if not name:
            raise ValueError("topic: empty; give it a name")
        with writing(self._connection):
            if found := self._find(name):  # another process was faster
                return found
            topic = self._connection.execute("INSERT INTO topic (name) VALUES (?)", (name,)).lastrowid
            self._connection.executemany(
                "INSERT INTO partition (topic_id, number) VALUES (?, ?)",
                [(topic, number) for number in range(self._partitions)],
            )
            created = self._find(name)
        assert created is not None
        return created


def check_sizes(batch: Sequence[Outgoing], max_message_bytes: int) -> None:
    """Raises:
    RefuseMessage: one is too large; its `index` names it.
    """
    for index, one in enumerate(batch):
        size = len(one.payload) + len((one.key or "").encode())
        size += sum(len(name.encode()) + len(value.encode()) for name, value in one.properties.items())
        if size > max_message_bytes:
            raise RefuseMessage(
                f"message {index} of the batch: {size} bytes, at most {max_message_bytes} are allowed"
                " (max_message_bytes); send a reference to the data instead",
                index,
            )


def _partition_of(one: Outgoing, partitions: int) -> int:
    if partitions == 1:
        return 0
    return crc32(one.payload if one.key is None else one.key.encode()) % partitions


def _rows(base: int, batch: Sequence[Outgoing], now: int) -> Iterator[tuple[int, str | None, bytes, int, bytes | None]]:
    for offset, one in enumerate(batch):
        properties = msgspec.json.encode(dict(one.properties)) if one.properties else None
        yield base + offset, one.key, one.payload, now, properties
