"""History from topics: what the broker still keeps of them, read without a subscription."""

import heapq
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from typing import Any

from agents.mapping import Fault, Mapper, Origin, read_json
from contracts import DEFAULT_TENANT, MalformedEvent, StreamSpec, decode_event, encode_event
from forestall.backtest.recorded import Recorded
from forestall.backtest.result import BadInput, Rows
from triggers.avro import Documents
from triggers.brokers import Broker, Message, Reader

_Document = Any
"""What a message was decoded to, or why it could not be; None where it is JSON, which is read when it is mapped."""
_Read = tuple[Message, _Document]
BATCH = 500
BAD_SHOWN = 20


class TopicHistory:
    """Topics' pasts as one, in the order of event time as far as each partition is in order.

    Read from what was published at `since` (microseconds) on; up to `until`, not included.
    """

    def __init__(
        self,
        broker: Broker,
        topics: Sequence[tuple[str, StreamSpec, str]],
        *,
        since: int | None = None,
        until: int | None = None,
        tenant: str = DEFAULT_TENANT,
    ) -> None:
        """`topics` holds the topic to read, its stream, and the name that it is played under."""
        self.name = ", ".join(topic for topic, _, _ in topics)
        self.rows = Rows()
        self._broker, self._topics = broker, topics
        self._since, self._until, self._tenant = since, until, tenant

    async def batches(self) -> AsyncIterator[list[Recorded]]:
        async with AsyncExitStack() as stack:
            parts: list[_Part] = []
            for topic, stream, played in self._topics:
                for number in range(await self._broker.partitions(topic)):
                    reader = await self._broker.history(topic, number, since=self._since)
                    stack.push_async_callback(reader.close)
                    decoder = Documents(stream, self._broker) if stream.format == "avro" else None
                    parts.append(_Part(self, reader, stream, played, decoder))
            async for batch in self._merged(parts):
                yield batch

    async def _merged(self, parts: list["_Part"]) -> AsyncIterator[list[Recorded]]:
        """By the latest event time that each partition has come to; a live stream's combiner waits likewise."""
        heads = [(part.at, place) for place, part in enumerate(parts) if await part.advance()]
        heapq.heapify(heads)
        batch: list[Recorded] = []
        while heads:
            _, place = heads[0]
            part = parts[place]
            batch.append(part.head)
            if await part.advance():
                heapq.heapreplace(heads, (part.at, place))
            else:
                heapq.heappop(heads)
            if len(batch) == BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    def take(self, message: Message, document: _Document, part: "_Part") -> Recorded | None:
        """A message as it is played; None of one that lies outside the span, or makes no event."""
        if self._until is not None and message.publish_time >= self._until:
            self._count(outside=True)
            return None
        found = part.recorded(message, document, self._tenant)
        self._count(None if isinstance(found, Recorded) else found)
        return found if isinstance(found, Recorded) else None

    def _count(self, bad: BadInput | None = None, *, outside: bool = False) -> None:
        rows = self.rows
        shown = rows.bad if bad is None else (*rows.bad, bad)[:BAD_SHOWN]
        self.rows = Rows(rows.read + 1, rows.left_out + (bad is not None), rows.outside + outside, shown)


class _Part:
    """One partition on its way. `head` is what comes next, `at` the latest event time so far."""

    def __init__(
        self, history: TopicHistory, reader: Reader, stream: StreamSpec, played: str, decoder: Documents | None
    ) -> None:
        self.head: Recorded
        self.at = 0
        self._decoder = decoder
        self._history, self._reader, self._played = history, reader, played
        self._mapper_of = stream.mapping
        self._mapper: Mapper | None = None
        self._held: list[_Read] = []
        self._number = 0

    async def advance(self) -> bool:
        """Go on to the next message that can be played; False at the end."""
        while True:
            if not self._held:
                self._held = list(reversed(await self._read()))
                if not self._held:
                    return False
            found = self._history.take(*self._held.pop(), self)
            if found is not None:
                self.head = found
                self.at = max(self.at, found.time or 0)
                return True

    async def _read(self) -> list[_Read]:
        messages = await self._reader.read(BATCH)
        if self._decoder is None:
            return [(each, None) for each in messages]
        decoded = await self._decoder.incoming(messages)
        return [(each, made.document) for each, made in zip(messages, decoded, strict=True)]

    def recorded(self, message: Message, document: _Document, tenant: str) -> Recorded | BadInput:
        self._number += 1
        if self._mapper_of is None:
            try:
                event = decode_event(message.payload)
            except MalformedEvent:
                return Recorded(self._played, message.payload, message.key, None)  # a dead letter, as live
            return Recorded(self._played, message.payload, message.key, event.time)
        if self._mapper is None:
            self._mapper = Mapper(self._mapper_of, tenant=tenant)
        if document is None:
            document = read_json(message.payload)
        if isinstance(document, Fault):
            return self._bad(message, document)
        place = f"{message.topic}#{message.partition}:{message.message_id}"
        made = self._mapper.map(document, Origin(message.topic, place, publish_time=message.publish_time))
        if isinstance(made, Fault):
            return self._bad(message, made)
        return Recorded(self._played, encode_event(made), made.key, made.time, self._mapper_of)

    def _bad(self, message: Message, fault: Fault) -> BadInput:
        reason = f"{fault.rule} (message {message.topic}#{message.partition}:{message.message_id})"
        return BadInput(self._number, fault.field, fault.value, reason)
