"""Runs of messages stored as one row each: what makes appends and reads of batches cheap. Runs in the broker's thread.

A segment's row id is its partition's id and its first position in one integer, so that a partition is one range of
the tree and an append always goes to that range's end. Segments are never changed, only pruned.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from triggers.brokers.protocol import NO_PROPERTIES, Outgoing

POSITION_BITS = 40
SEGMENT_MAX_MESSAGES = 1_000
SEGMENT_MAX_BYTES = 1024 * 1024
"""A segment may pass this by its last message."""
_CACHED_SEGMENTS = 8

_Stored = tuple[bytes, str | None, dict[str, str] | None]
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[_Stored])


class StoredMessage(msgspec.Struct, frozen=True, gc=False):
    """A `Message` of the embedded log."""

    topic: str
    partition: int
    position: int
    key: str | None
    payload: bytes
    publish_time: int
    properties: Mapping[str, str] = NO_PROPERTIES
    redeliveries: int = 0
    schema_version: bytes | None = None

    @property
    def message_id(self) -> str:
        return f"{self.partition}:{self.position}"


class Segments:
    """The message rows of all partitions."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._decoded: dict[int, list[_Stored]] = {}

    def append(self, partition: int, position: int, batch: Sequence[Outgoing], now: int) -> None:
        """Write from `position` on. Inside the caller's transaction."""
        row = (partition << POSITION_BITS) + position
        for chunk in _chunks(batch):
            body = _encoder.encode([(one.payload, one.key, dict(one.properties) or None) for one in chunk])
            self._connection.execute("INSERT INTO segment VALUES (?, ?, ?, ?)", (row, len(chunk), now, body))
            row += len(chunk)

    def read(
        self, topic: str, number: int, partition: int, start: int, stop: int, redeliveries: int, max_bytes: int
    ) -> tuple[list[StoredMessage], int]:
        """The messages at positions [`start`, `stop`) in order, and their payloads' bytes.

        Ends before `max_bytes` is passed, but never before the first message.
        """
        base = partition << POSITION_BITS
        messages: list[StoredMessage] = []
        size = 0
        for row, published in self._rows(base + start, base + stop):
            first = row - base
            position = max(start, first)
            stored = self._segment(row)[position - first : stop - first]
            fitting, more = _fitting(stored, max_bytes - size, bool(messages))
            messages += [
                StoredMessage(topic, number, place, key, payload, published, properties or NO_PROPERTIES, redeliveries)
                for place, (payload, key, properties) in enumerate(stored[:fitting], position)
            ]
            size += more
            if fitting < len(stored):
                break
        return messages, size

    def since(self, partition: int, time: int) -> int | None:
        """The first position that was published at `time` or later."""
        base = partition << POSITION_BITS
        row = self._connection.execute(
            "SELECT id FROM segment WHERE id >= ? AND id < ? AND publish_time >= ? ORDER BY id LIMIT 1",
            (base, base + (1 << POSITION_BITS), time),
        ).fetchone()
        return row and int(row[0]) - base

    def prune(self, partition: int, stop: int, limit: int) -> int | None:
        """Delete up to `limit` of the oldest segments that end at or before `stop`; the first position kept."""
        base = partition << POSITION_BITS
        last = self._connection.execute(
            "SELECT max(id), max(id + count) FROM (SELECT id, count FROM segment WHERE id >= ? AND id + count <= ?"
            " AND id < ? ORDER BY id LIMIT ?)",
            (base, base + stop, base + stop, limit),
        ).fetchone()
        if last[0] is None:
            return None
        self._connection.execute("DELETE FROM segment WHERE id >= ? AND id <= ?", (base, last[0]))
        return int(last[1]) - base

    def _rows(self, start: int, stop: int) -> list[tuple[int, int]]:
        return self._connection.execute(
            "SELECT id, publish_time FROM segment WHERE id < ? AND id >="
            " coalesce((SELECT max(id) FROM segment WHERE id <= ?), ?) ORDER BY id",
            (stop, start, start),
        ).fetchall()

    def _segment(self, row: int) -> list[_Stored]:
        found = self._decoded.get(row)
        if found is None:
            (body,) = self._connection.execute("SELECT body FROM segment WHERE id = ?", (row,)).fetchone()
            if len(self._decoded) == _CACHED_SEGMENTS:
                del self._decoded[next(iter(self._decoded))]
            found = self._decoded[row] = _decoder.decode(body)
        return found


def _fitting(stored: Sequence[_Stored], room: int, something: bool) -> tuple[int, int]:
    """How many of them have room, and their bytes; the first has, unless there is `something` before it."""
    size = sum([len(payload) for payload, _, _ in stored])
    if size <= room:
        return len(stored), size
    size = 0
    for place, (payload, _, _) in enumerate(stored):
        size += len(payload)
        if size > room and (place or something):
            return place, size - len(payload)
    return len(stored), size


def _chunks(batch: Sequence[Outgoing]) -> Iterator[Sequence[Outgoing]]:
    start = size = 0
    for index, one in enumerate(batch):
        size += len(one.payload)
        if size >= SEGMENT_MAX_BYTES or index + 1 - start == SEGMENT_MAX_MESSAGES:
            yield batch[start : index + 1]
            start, size = index + 1, 0
    if start < len(batch):
        yield batch[start:]
