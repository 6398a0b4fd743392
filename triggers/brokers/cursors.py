"""Where each subscription stands: a low-water position per partition and spans above it. Runs in the broker's thread.

Below `low` everything is acknowledged; from `frontier` on nothing was ever handed out; spans cover what lies between.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from triggers.brokers.errors import AskOperator, RetryLater, StopConsuming
from triggers.brokers.log import EventLog
from triggers.brokers.log_file import writing
from triggers.brokers.protocol import Initial, Message, Sharing
from triggers.brokers.spans import ACKED, FREE, Span, acknowledged, overlay, runs

_SPANS_TOUCHED = (
    "SELECT start, stop, state, redeliveries FROM span WHERE cursor_id = ? AND start <= ? AND start >="
    " coalesce((SELECT max(start) FROM span WHERE cursor_id = ? AND start < ?), 0) ORDER BY start"
)
_UNREAD = (
    "SELECT EXISTS (SELECT 1 FROM cursor JOIN partition ON partition.id = partition_id"
    " WHERE cursor.id IN ({0}) AND frontier < next_position AND coalesce(owner, ?1) = ?1) OR EXISTS"
    " (SELECT 1 FROM span JOIN cursor ON cursor.id = cursor_id"
    " WHERE cursor_id IN ({0}) AND state = 0 AND coalesce(owner, ?1) = ?1)"
)


@dataclass(frozen=True, slots=True)
class Member:
    """A consumer as the log knows it; `cursors` holds a cursor id per partition number that it reads."""

    id: int
    topic: str
    subscription: str
    sharing: Sharing
    cursors: Mapping[int, int]

    @property
    def ids(self) -> str:
        """The cursor ids, as SQL."""
        return ", ".join(map(str, self.cursors.values()))


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

    def join(
        self, topic: str, subscription: str, partition: int | None, initial: Initial, sharing: Sharing, holder: int
    ) -> Member:
        """A new consumer of the holder's; unless `shared` it takes the partitions that nobody has."""
        subscription_id = self.ensure(topic, subscription, initial)
        rows = self._connection.execute(
            "SELECT number, cursor.id FROM cursor JOIN partition ON partition.id = partition_id"
            " WHERE subscription_id = ? ORDER BY number",
            (subscription_id,),
        ).fetchall()
        cursors = {number: cursor for number, cursor in rows if partition in (None, number)}
        if not cursors:
            raise AskOperator(f"topic {topic!r} has no partition {partition}: it has {len(rows)}, counted from 0")
        with writing(self._connection):
            self._check_sharing(topic, subscription, subscription_id, partition, sharing)
            found = self._connection.execute(
                "INSERT INTO consumer (holder_id, subscription_id, number, sharing) VALUES (?, ?, ?, ?)",
                (holder, subscription_id, partition, sharing),
            ).lastrowid
            assert found is not None
            member = Member(found, topic, subscription, sharing, cursors)
            self._own(member)
        return member

    def leave(self, member: Member) -> None:
        """Free what it holds."""
        with writing(self._connection):
            release(self._connection, [member.id])

    def at_end(self, member: Member) -> bool:
        """Whether nothing is left to hand out to this member, and nobody else reads its partitions."""
        self._check(member)
        if member.sharing == "shared":
            return self.backlog(member.topic, member.subscription) == 0
        others = self._connection.execute(
            f"SELECT EXISTS (SELECT 1 FROM cursor WHERE id IN ({member.ids}) AND owner != ?)", (member.id,)
        ).fetchone()[0]
        return not others and not self._unread(member)

    def claim(self, member: Member, turn: int, max_messages: int, max_bytes: int) -> list[Message]:
        """Hand out the next messages, those given back before new ones; the bytes may be passed by one message.

        A partition is handed out as far as it goes; `turn` says which comes first, so that none starves.
        """
        claimed: list[Message] = []
        self._check(member)
        if not self._unread(member):
            return claimed
        with writing(self._connection):
            self._check(member)
            numbers = self._own(member)
            for offset in range(len(numbers)):
                number = numbers[(turn + offset) % len(numbers)]
                for span in self._open_spans(member.cursors[number], max_messages):
                    taken, size = self._take(member, number, span, max_messages - len(claimed), max_bytes)
                    claimed += taken
                    max_bytes -= size
                    if max_bytes <= 0 or len(taken) < span.stop - span.start or len(claimed) == max_messages:
                        return claimed
        return claimed

    def ack(self, member: Member, messages: Iterable[Message]) -> None:
        """Handled, whoever holds them by now."""
        with writing(self._connection):
            for cursor, changed in self._positions(member, messages):
                self._overlay(cursor, changed)
                self._raise_low(cursor)

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

    def _check(self, member: Member) -> None:
        if not self._connection.execute("SELECT 1 FROM consumer WHERE id = ?", (member.id,)).fetchone():
            raise StopConsuming(f"{member.topic}: this consumer is closed, or a newer holder of its name took over")

    def _unread(self, member: Member) -> bool:
        return bool(self._connection.execute(_UNREAD.format(member.ids), (member.id,)).fetchone()[0])

    def _own(self, member: Member) -> list[int]:
        """The partitions that the member may read now, those that nobody has included."""
        if member.sharing == "shared":
            return list(member.cursors)
        self._connection.execute(
            f"UPDATE cursor SET owner = ? WHERE id IN ({member.ids}) AND owner IS NULL", (member.id,)
        )
        owned = self._connection.execute("SELECT id FROM cursor WHERE owner = ?", (member.id,)).fetchall()
        return [number for number, cursor in member.cursors.items() if (cursor,) in owned]

    def _check_sharing(
        self, topic: str, subscription: str, subscription_id: int, partition: int | None, sharing: Sharing
    ) -> None:
        found = self._connection.execute(
            "SELECT sharing FROM consumer WHERE subscription_id = ?1"
            " AND coalesce(number, ?2, 0) = coalesce(?2, number, 0) AND (sharing != ?3 OR ?3 = 'exclusive') LIMIT 1",
            (subscription_id, partition, sharing),
        ).fetchone()
        if found:
            raise RetryLater(
                f"topic {topic!r}, subscription {subscription!r}: another consumer reads it as {found[0]!r}, this one"
                f" asked for {sharing!r}; close that one, or use another subscription"
            )

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

    def _take(self, member: Member, number: int, span: Span, room: int, max_bytes: int) -> tuple[list[Message], int]:
        stop = min(span.stop, span.start + room)
        taken, size = self._log.read(member.topic, number, span.start, stop, span.redeliveries, max_bytes)
        if not taken:
            raise sqlite3.DatabaseError(f"messages {span.start} to {stop} of {member.topic} are missing")
        self._hold(member.cursors[number], span, span._replace(stop=span.start + len(taken), state=member.id))
        return list(taken), size

    def _hold(self, cursor: int, span: Span, held: Span) -> None:
        fresh = self._connection.execute(
            "UPDATE cursor SET frontier = ? WHERE id = ? AND frontier = ?", (held.stop, cursor, span.start)
        ).rowcount
        rest = [] if fresh or held.stop == span.stop else [span._replace(start=held.stop)]
        self._write(cursor, [] if fresh else [span], [held, *rest])

    def _positions(self, member: Member, messages: Iterable[Message]) -> list[tuple[int, list[tuple[int, int]]]]:
        positions: dict[int, list[int]] = defaultdict(list)
        for message in messages:
            if message.topic != member.topic:
                raise ValueError(f"a message of {message.topic!r} given to a consumer of {member.topic!r}")
            positions[message.partition].append(message.position)
        return [(member.cursors[number], runs(found)) for number, found in sorted(positions.items())]

    def _overlay(self, cursor: int, changed: Sequence[tuple[int, int]]) -> None:
        start, stop = changed[0][0], changed[-1][1]
        rows = self._connection.execute(_SPANS_TOUCHED, (cursor, stop, cursor, start)).fetchall()
        before = [Span(*row) for row in rows]
        self._write(cursor, before, overlay(before, changed, acknowledged))

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


def release(connection: sqlite3.Connection, members: Sequence[int]) -> int:
    """Free what these hold and forget them; how many spans and partitions. Inside the caller's transaction."""
    changed = 0
    for member in members:
        changed += connection.execute(
            "UPDATE span SET state = ?, redeliveries = redeliveries + 1 WHERE state = ?", (FREE, member)
        ).rowcount
        changed += connection.execute("UPDATE cursor SET owner = NULL WHERE owner = ?", (member,)).rowcount
        connection.execute("DELETE FROM consumer WHERE id = ?", (member,))
    return changed
