"""One partition in this worker's hands: its consumer, its counter, and the batch that is not taken yet."""

import asyncio
from collections.abc import Sequence
from typing import overload

from contracts import MINUTE
from graphs import Incoming, PartitionMonitor, Screened
from triggers.avro import Documents
from triggers.brokers import Broker, Consumer, Message

IDLE_AFTER = MINUTE
"""A partition of a live stream that brings nothing for so long, on the clock, does not hold the others back."""
BACKLOG = 64
"""So many messages at once mean that more are waiting: the next batch is fetched while this one is taken."""
RUN_AHEAD_PANES = 512
"""Panes of the shortest measure that a partition is counted ahead of what is closed; then it pauses."""

Fetched = tuple[Sequence[Message], Screened | None]


class Partition:
    """Batches of one partition, acknowledged only after their commit. A batch that failed is kept and tried again.

    What is in memory is bounded: the batch in hand, and one more that is fetched meanwhile.
    """

    def __init__(
        self, monitor: PartitionMonitor, consumer: Consumer, now: int, documents: Documents | None = None
    ) -> None:
        """`documents` decodes the messages of a stream in Avro."""
        self.monitor, self.consumer, self._documents = monitor, consumer, documents
        self._held: Sequence[Message] = ()
        self._fetching: asyncio.Task[Fetched] | None = None
        self._screened: Screened | None = None
        self._heard = now
        self.expects = False
        measures = monitor.counter.measures
        shortest = min((measure.pane for measure in measures), default=MINUTE)
        longest = max((measure.pane + measure.lateness for measure in measures), default=0)
        self._bound = RUN_AHEAD_PANES * shortest + longest

    async def step(self, max_messages: int, *, live: bool) -> bool:
        """Take one batch; False when there is none now. Notes whether the partition is read to its end.

        `live`: only one that has been silent for a while counts as that; else it does at once. `expects` is True
        behind a step that found nothing while the broker has more on the way.

        Raises:
            LedgerError, BrokerError: nothing of the batch was acknowledged; the next call tries it again.
        """
        self.expects = False
        if await self.ahead():
            return False
        if not self._held:
            self._held = await self._receive(max_messages)
        now = self.monitor.services.clock.now()
        if self._held:
            self._heard = now
        idle = not live or now - self._heard >= IDLE_AFTER
        if self._fetching is None and len(self._held) >= BACKLOG:
            self._fetching = asyncio.ensure_future(self._fetch(max_messages))
        ended = idle and self._fetching is None and await self.consumer.at_end()
        if not self._held and not ended:
            self.expects = not live
            return False
        messages = self._held
        batch = await self._documents.incoming(messages) if self._documents else Batch(messages)
        await self.monitor.take(batch, ended=ended, screened=self._screened)
        await self.consumer.ack(messages)
        self._held, self._screened = (), None  # who is cancelled before comes again, and finds that they are handled
        return bool(messages)

    async def wait(self, max_messages: int) -> None:
        """Until there is something to take."""
        if not self._held and self._fetching is not None:
            self._held = await self._fetched(self._fetching)
        if not self._held:
            self._held = await self.consumer.receive(max_messages)

    async def _receive(self, max_messages: int) -> Sequence[Message]:
        """What was fetched meanwhile, or what is there now."""
        found = await self._fetched(self._fetching) if self._fetching is not None else []
        return found or await self.consumer.receive(max_messages, wait=False)

    async def _fetch(self, max_messages: int) -> Fetched:
        """The next batch, screened while the one before waits for the disk, and not earlier."""
        messages = await self.consumer.receive(max_messages, wait=False)
        if not messages or self._documents is not None:
            return messages, None
        await self.monitor.counted.wait()
        try:
            return messages, self.monitor.screened(Batch(messages), self.monitor.services.clock.now())
        except Exception:  # it is screened again when it is taken, which says what is to become of it
            return messages, None

    async def _fetched(self, fetching: asyncio.Task[Fetched]) -> Sequence[Message]:
        await asyncio.wait({fetching})  # a cancelled caller leaves it to the next one
        self._fetching = None
        messages, self._screened = fetching.result()
        return messages

    async def ahead(self) -> bool:
        """Whether it is so far ahead of what is closed that it has to wait."""
        clock = await self.monitor.restored()
        if clock.latest is None or clock.first is None:
            return False
        closed = self.monitor.closed if self.monitor.closed is not None else clock.first
        if clock.latest - closed <= self._bound:
            return False
        await self.monitor.look()
        closed = self.monitor.closed if self.monitor.closed is not None else clock.first
        return clock.latest - closed > self._bound

    async def close(self) -> None:
        """Give the consumer, and what is not acknowledged, to whoever comes next."""
        self._held, self._screened = (), None
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)
        await self.consumer.close()


async def subscribe(broker: Broker, topic: str, partition: int, monitor: PartitionMonitor) -> Partition:
    """A consumer for a partition that is ours."""
    consumer = await broker.subscribe(topic, monitor.subscription, partition=partition, sharing="failover")
    documents = Documents(monitor.stream, broker) if monitor.stream.format == "avro" else None
    return Partition(monitor, consumer, monitor.services.clock.now(), documents)


class Batch(Sequence[Incoming]):
    """Messages as the graph wants them, each made when it is asked for: of most only the payload is needed, or what
    the broker's own (`arrived`) says."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self.arrived = messages
        payloads: Sequence[bytes] | None = getattr(messages, "payloads", None)
        self.payloads = payloads if payloads is not None else [each.payload for each in messages]

    def __len__(self) -> int:
        return len(self.arrived)

    @overload
    def __getitem__(self, place: int) -> Incoming: ...
    @overload
    def __getitem__(self, place: slice) -> "Batch": ...
    def __getitem__(self, place: int | slice) -> "Incoming | Batch":
        if isinstance(place, slice):
            return Batch(self.arrived[place])
        each = self.arrived[place]
        return Incoming(
            each.topic, each.message_id, self.payloads[place], each.partition, each.publish_time, position=each.position
        )


async def first_of(partitions: Sequence[Partition], max_messages: int, wait_s: float) -> None:
    """Wait until one of them has something, at most so long; a call that is left loses nothing."""
    tasks = [asyncio.ensure_future(each.wait(max_messages)) for each in partitions]
    if not tasks:
        await asyncio.sleep(wait_s)
        return
    try:
        await asyncio.wait(tasks, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
