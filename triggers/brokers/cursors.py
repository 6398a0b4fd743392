"""Where each subscription stands: a low-water position per partition and spans above it. Runs in the broker's thread.

Below `low` everything is acknowledged; from `frontier` on nothing was ever handed out; spans cover what lies between.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from triggers.brokers.errors import AskOperator, StopConsuming
from triggers.brokers.log import EventLog
from triggers.brokers.log_file import writing
from triggers.brokers.protocol import Initial, Message
from triggers.brokers.spans import ACKED, FREE, Span, acknowledged, given_back_by, overlay, runs

_SPANS_TOUCHED = (
    "SELECT start, stop, state, redeliveries FROM span WHERE cursor_id = ? AND start <= ? AND start >="
    " coalesce((SELECT max(start) FROM span WHERE cursor_id = ? AND start < ?), 0) ORDER BY start"
)
_UNREAD = (
    "SELECT EXISTS (SELECT 1 FROM cursor JOIN partition ON partition.id = partition_id"
    " WHERE subscription_id = ? AND frontier < next_position) OR EXISTS"
    " (SELECT 1 FROM span JOIN cursor ON cursor.id = cursor_id WHERE subscription_id = ? AND state = 0)"
)


@dataclass(frozen=True, slots=True)
class Reader:
    """A consumer as the log knows it; `cursors` holds a cursor id per partition number."""

    id: int
    topic: str
    subscription_id: int
    cursors: tuple[int, ...]


class Cursors:
    """Hands messages out and takes acknowledgements."""

    def __init__(self, connection: sqlite3.Connection, log: EventLog) -> None:
        self._connection = connection
        self._log = log

    def ensure(self, topic: str, subscription: str, initial: Initial) -> int:
        """The subscription's id; created at the start of what is kept, or behind the latest message."""
        topic_id, partitions = self._log.topic(topic)
        start = "first_position" if initial == "earliest" else "next_position"
        found = self._subscription_id(topic_id, subscription)
        if found is not None:
            return found
        with writing(self._connection):
            found = self._subscription_id(topic_id, subscription)  # another process may have been faster
            if found is None:
                found = self._connection.execute(
                    "INSERT INTO subscription (topic_id, name) VALUES (?, ?)", (topic_id, subscription)
                ).lastrowid
                self._connection.executemany(
                    "INSERT INTO cursor (subscription_id, partition_id, low, frontier)"
                    f" SELECT ?, id, {start}, {start} FROM partition WHERE id = ?",
                    [(found, partition) for partition in partitions],
                )
        assert found is not None
        return found

    def open_reader(self, topic: str, subscription: str, initial: Initial, holder: int) -> Reader:
        """A new consumer of the holder's."""
        subscription_id = self.ensure(topic, subscription, initial)
        rows = self._connection.execute(
            "SELECT cursor.id FROM cursor JOIN partition ON partition.id = partition_id"
            " WHERE subscription_id = ? ORDER BY number",
            (subscription_id,),
        ).fetchall()
        with writing(self._connection):
            reader = self._connection.execute(
                "INSERT INTO consumer (holder_id, subscription_id) VALUES (?, ?)", (holder, subscription_id)
            ).lastrowid
        assert reader is not None
        return Reader(reader, topic, subscription_id, tuple(cursor for (cursor,) in rows))

    def close_reader(self, reader: Reader) -> None:
        """Free what it holds."""
        with writing(self._connection):
            release(self._connection, [reader.id])

    def claim(self, reader: Reader, turn: int, max_messages: int, max_bytes: int) -> list[Message]:
        """Hand out the next messages, those given back before new ones; the bytes may be passed by one message.

        A partition is handed out as far as it goes; `turn` says which comes first, so that none starves.
        """
        claimed: list[Message] = []
        self._check(reader)
        if not self._connection.execute(_UNREAD, (reader.subscription_id,) * 2).fetchone()[0]:
            return claimed
        with writing(self._connection):
            self._check(reader)
            for offset in range(len(reader.cursors)):
                number = (turn + offset) % len(reader.cursors)
                for span in self._open_spans(reader.cursors[number], max_messages):
                    taken, size = self._take(reader, number, span, max_messages - len(claimed), max_bytes)
                    claimed += taken
                    max_bytes -= size
                    if max_bytes <= 0 or len(taken) < span.stop - span.start or len(claimed) == max_messages:
                        return claimed
        return claimed

    def ack(self, reader: Reader, messages: Iterable[Message]) -> None:
        """Handled, whoever holds them by now."""
        with writing(self._connection):
            for cursor, changed in self._positions(reader, messages):
                self._overlay(cursor, changed, acknowledged)
                self._raise_low(cursor)

    def nack(self, reader: Reader, messages: Iterable[Message]) -> None:
        """Free those that the reader still holds."""
        with writing(self._connection):
            for cursor, changed in self._positions(reader, messages):
                self._overlay(cursor, changed, given_back_by(reader.id))

    def backlog(self, topic: str, subscription: str) -> int:
        """Messages not acknowledged."""
        found = self._connection.execute("SELECT id FROM topic WHERE name = ?", (topic,)).fetchone()
        subscription_id = self._subscription_id(found[0], subscription) if found else None
        if subscription_id is None:
            raise AskOperator(f"topic {topic!r} has no subscription {subscription!r}; subscribe to it first")
        row = self._connection.execute(
            "SELECT sum(next_position - low) - (SELECT coalesce(sum(stop - start), 0) FROM span"
            " JOIN cursor ON cursor.id = cursor_id WHERE subscription_id = ?1 AND state = ?2)"
            " FROM cursor JOIN partition ON partition.id = partition_id WHERE subscription_id = ?1",
            (subscription_id, ACKED),
        ).fetchone()
        return int(row[0])

    def _subscription_id(self, topic_id: int, name: str) -> int | None:
        row = self._connection.execute(
            "SELECT id FROM subscription WHERE topic_id = ? AND name = ?", (topic_id, name)
        ).fetchone()
        return row and int(row[0])

    def _check(self, reader: Reader) -> None:
        if not self._connection.execute("SELECT 1 FROM consumer WHERE id = ?", (reader.id,)).fetchone():
            raise StopConsuming(f"{reader.topic}: this consumer is closed, or a newer holder of its name took over")

    def _open_spans(self, cursor: int, limit: int) -> list[Span]:
        free = self._connection.execute(
            "SELECT start, stop, state, redeliveries FROM span WHERE cursor_id = ? AND state = 0"
            " ORDER BY start LIMIT ?",
            (cursor, limit),
        ).fetchall()
        fresh = self._connection.execute(
            "SELECT frontier, next_position, 0, 0 FROM cursor JOIN partition ON partition.id = partition_id"
            " WHERE cursor.id = ? AND frontier < next_position",
            (cursor,),
        ).fetchall()
        return [Span(*row) for row in free + fresh]

    def _take(self, reader: Reader, number: int, span: Span, room: int, max_bytes: int) -> tuple[list[Message], int]:
        stop = min(span.stop, span.start + room)
        taken, size = self._log.read(reader.topic, number, span.start, stop, span.redeliveries, max_bytes)
        if not taken:
            raise sqlite3.DatabaseError(f"messages {span.start} to {stop} of {reader.topic} are missing")
        self._hold(reader.cursors[number], span, span._replace(stop=span.start + len(taken), state=reader.id))
        return taken, size

    def _hold(self, cursor: int, span: Span, held: Span) -> None:
        fresh = self._connection.execute(
            "UPDATE cursor SET frontier = ? WHERE id = ? AND frontier = ?", (held.stop, cursor, span.start)
        ).rowcount
        rest = [] if fresh or held.stop == span.stop else [span._replace(start=held.stop)]
        self._write(cursor, [] if fresh else [span], [held, *rest])

    def _positions(self, reader: Reader, messages: Iterable[Message]) -> list[tuple[int, list[tuple[int, int]]]]:
        positions: dict[int, list[int]] = defaultdict(list)
        for message in messages:
            if message.topic != reader.topic:
                raise ValueError(f"a message of {message.topic!r} given to a consumer of {reader.topic!r}")
            positions[message.partition].append(message.position)
        return [(reader.cursors[number], runs(found)) for number, found in sorted(positions.items())]

    def _overlay(self, cursor: int, changed: Sequence[tuple[int, int]], change: Callable[[Span], Span]) -> None:
        start, stop = changed[0][0], changed[-1][1]
        rows = self._connection.execute(_SPANS_TOUCHED, (cursor, stop, cursor, start)).fetchall()
        before = [Span(*row) for row in rows]
        self._write(cursor, before, overlay(before, changed, change))

    def _write(self, cursor: int, before: Sequence[Span], after: Sequence[Span]) -> None:
        old, new = set(before), set(after)
        self._connection.executemany(
            "DELETE FROM span WHERE cursor_id = ? AND start = ?", [(cursor, span.start) for span in old - new]
        )
        self._connection.executemany(
            "INSERT INTO span (cursor_id, start, stop, state, redeliveries) VALUES (?, ?, ?, ?, ?)",
            [(cursor, *span) for span in new - old],
        )

    def _raise_low(self, cursor: int) -> None:
        first = self._connection.execute(
            "SELECT start, stop, state FROM span WHERE cursor_id = ? ORDER BY start LIMIT 1", (cursor,)
        ).fetchone()
        if first and first[2] == ACKED:
            self._connection.execute("UPDATE cursor SET low = ? WHERE id = ?", (first[1], cursor))
            self._connection.execute("DELETE FROM span WHERE cursor_id = ? AND start = ?", (cursor, first[0]))


def release(connection: sqlite3.Connection, readers: Sequence[int]) -> int:
    """Free what these consumers hold and forget them; how many spans that were. Inside the caller's transaction."""
    spans = 0
    for reader in readers:
        spans += connection.execute(
            "UPDATE span SET state = ?, redeliveries = redeliveries + 1 WHERE state = ?", (FREE, reader)
        ).rowcount
        connection.execute("DELETE FROM consumer WHERE id = ?", (reader,))
    return spans
