"""Topics and partitions of the embedded log. Synchronous: it runs in the broker's own thread."""

import sqlite3
from collections.abc import Sequence
from zlib import crc32

from triggers.brokers.errors import AskOperator
from triggers.brokers.log_file import writing
from triggers.brokers.protocol import Outgoing
from triggers.brokers.segments import Segments, StoredMessage

_PRUNE_SEGMENTS = 100
"""Segments deleted in one transaction, so that nobody waits long for the write lock."""


class EventLog:
    """Appends, reads and prunes. `partitions` is how many a topic gets that does not exist yet."""

    def __init__(self, connection: sqlite3.Connection, *, partitions: int) -> None:
        self._connection = connection
        self._segments = Segments(connection)
        self._partitions = partitions
        self._known: dict[str, tuple[int, list[int]]] = {}

    def topic(self, name: str) -> tuple[int, list[int]]:
        """The topic's id and the ids of its partitions, in order; created if need be."""
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._find(name) or self._create(name, self._partitions)
        return known

    def create(self, name: str, partitions: int) -> None:
        """Make the topic with so many partitions unless it exists."""
        found = len((self._find(name) or self._create(name, partitions))[1])
        if found != partitions:
            raise AskOperator(
                f"topic {name!r} has {found} partitions, {partitions} were asked for; use another topic, or this number"
            )

    def partitions(self, name: str) -> int:
        """How many it has, or would get."""
        found = self._find(name)
        return len(found[1]) if found else self._partitions

    def span(self, name: str, number: int, since: int | None) -> tuple[int, int]:
        """The positions [start, stop) kept of a partition, from the first published at `since` (us) or later."""
        found = self._find(name)
        if found is None or not 0 <= number < len(found[1]):
            have = f"it has {len(found[1])}, counted from 0" if found else "the embedded broker has no such topic"
            raise AskOperator(f"topic {name!r}, partition {number}: {have}")
        start, stop = self._connection.execute(
            "SELECT first_position, next_position FROM partition WHERE id = ?", (found[1][number],)
        ).fetchone()
        if since is not None:
            later = self._segments.since(found[1][number], since)
            start = stop if later is None else later
        return int(start), int(stop)

    def topics(self) -> list[str]:
        return [name for (name,) in self._connection.execute("SELECT name FROM topic ORDER BY name")]

    def append(self, topic: str, batch: Sequence[Outgoing], now: int) -> list[str]:
        """Message ids in the order given; the rows are on disk when this returns."""
        ids = self.topic(topic)[1]
        placed: list[list[int]] = [[] for _ in ids]
        for index, one in enumerate(batch):
            placed[_partition_of(one, len(ids))].append(index)
        message_ids = [""] * len(batch)
        with writing(self._connection):
            for number, chosen in enumerate(placed):
                if chosen:
                    position = self._advance(ids[number], len(chosen))
                    self._segments.append(ids[number], position, [batch[index] for index in chosen], now)
                    for offset, index in enumerate(chosen):
                        message_ids[index] = f"{number}:{position + offset}"
        return message_ids

    def read(
        self, topic: str, number: int, start: int, stop: int, redeliveries: int, max_bytes: int
    ) -> tuple[list[StoredMessage], int]:
        """Messages of a partition at positions [`start`, `stop`), and their bytes (see `Segments.read`)."""
        partition = self.topic(topic)[1][number]
        return self._segments.read(topic, number, partition, start, stop, redeliveries, max_bytes)

    def prune(self, topic: str, before_position: int) -> int:
        """Delete messages below the position in every partition that every subscription has acknowledged."""
        deleted = 0
        for partition in self.topic(topic)[1]:
            while messages := self._prune_some(partition, before_position):
                deleted += messages
        return deleted

    def _prune_some(self, partition: int, before_position: int) -> int:
        with writing(self._connection):
            first, stop = self._connection.execute(
                "SELECT first_position, min(next_position, ?, coalesce((SELECT min(low) FROM cursor"
                " WHERE partition_id = partition.id), next_position)) FROM partition WHERE id = ?",
                (before_position, partition),
            ).fetchone()
            kept = self._segments.prune(partition, stop, _PRUNE_SEGMENTS)
            if kept is None:
                return 0
            self._connection.execute("UPDATE partition SET first_position = ? WHERE id = ?", (kept, partition))
            return kept - int(first)

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

    def _create(self, name: str, partitions: int) -> tuple[int, list[int]]:
        if not name:
            raise ValueError("topic: empty; give it a name")
        with writing(self._connection):
            if found := self._find(name):  # another process was faster
                return found
            topic = self._connection.execute("INSERT INTO topic (name) VALUES (?)", (name,)).lastrowid
            self._connection.executemany(
                "INSERT INTO partition (topic_id, number) VALUES (?, ?)",
                [(topic, number) for number in range(partitions)],
            )
            created = self._find(name)
        assert created is not None
        return created


def _partition_of(one: Outgoing, partitions: int) -> int:
    if partitions == 1:
        return 0
    return crc32(one.payload if one.key is None else one.key.encode()) % partitions
