"""Intake: a stream's partitions into the ledger, batch by batch, acknowledged only after the commit."""

import asyncio
import logging
from dataclasses import dataclass

from contracts import SECOND, StreamSpec
from graphs import (
    CombineState,
    PackRuntime,
    PartitionMonitor,
    Services,
    StreamCombiner,
    combiner_lease,
    flushed,
    part_name,
    partition_lease,
    standing_of,
    subscription_name,
)
from ledger import Fenced, InboxIndex, Lease
from triggers.brokers import Broker
from triggers.partition import Partition, first_of, subscribe
from triggers.processed import publisher
from triggers.sharing import Share

DISCOVER_EVERY = 10 * SECOND
"""So often, on the clock, new topics and partitions are looked for; by who closes panes also before each closing."""
MATCH_EVERY = SECOND
"""Not more often, where they have to be found by a pattern."""
_log = logging.getLogger("forestall.intake")


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """How a stream stands, as this worker sees it. Instants and `lag` (behind the clock) in microseconds.

    `partitions` are all of the stream, `owned` those that this worker reads, `ended` those that are read to their end.
    """

    pack: str
    stream: str
    partitions: tuple[str, ...]
    owned: tuple[str, ...]
    ended: tuple[str, ...]
    watermark: int | None
    lag: int | None
    combines: bool


class Intake:
    """Reads the partitions of one stream that are this worker's, and combines the stream where that is its part."""

    def __init__(self, services: Services, pack: PackRuntime, stream: StreamSpec, broker: Broker, tenant: str) -> None:
        self._services, self._pack, self._stream = services, pack, stream
        self._broker, self._tenant = broker, tenant
        self._publish = publisher(broker, stream, services.packs.values())
        self._subscription = subscription_name(pack.name, stream.name)
        self._share = Share(services, self._subscription)
        self._index = InboxIndex(self._subscription)
        self._places: dict[str, tuple[str, int]] = {}
        self._discovered: int | None = None
        self._discovering = asyncio.Lock()
        self._partitions: dict[str, Partition] = {}
        self._combiner: StreamCombiner | None = None
        self._turn = 0

    @property
    def topic(self) -> str:
        """The stream's topic, or the pattern of its topics."""
        return self._stream.name

    @property
    def owned(self) -> bool:
        """Whether this process reads a partition of the stream, or it has none yet; else others read it."""
        return bool(self._partitions) or not self._places

    def passing(self) -> None:
        """This worker leaves when everything is read: what is at its end holds nobody back, from then on."""
        self._share.lasting = False

    async def renew(self) -> None:
        """Keep what is ours where the clock has leapt; see `Share.renew`."""
        await self._share.renew()

    async def settle(self, *, look: bool = True) -> None:
        """Renew the leases, and take up or give back partitions as workers come and go; see `Share.settle`."""
        await self._discover(DISCOVER_EVERY)
        await self._share.settle(list(self._places), look=look)
        for part, partition in list(self._partitions.items()):
            lease = self._share.partition(part)
            if lease is None or lease.epoch != partition.monitor.lease.epoch:
                await self._partitions.pop(part).close()
            else:
                partition.monitor.lease = lease
        for part in sorted(self._places.keys() - self._partitions.keys()):
            if (lease := self._share.partition(part)) is not None:
                self._partitions[part] = await self._take_up(part, lease)

    async def _take_up(self, part: str, lease: Lease) -> Partition:
        topic, number = self._places[part]
        monitor = PartitionMonitor(
            self._services, self._pack, self._stream, self._tenant, lease,
            topic=topic, partition=number, index=self._index, publish=self._publish,
        )  # fmt: skip
        return await subscribe(self._broker, topic, number, monitor)

    async def _discover(self, every: int) -> None:
        """Which partitions the stream has; each is known to the ledger before anything of the others is closed.

        Not if they were looked for less than `every` microseconds ago. What comes to a stream that was read before is
        read from its beginning, wherever new subscriptions begin.
        """
        async with self._discovering:
            now = self._services.clock.now()
            if self._discovered is not None and now - self._discovered < every:
                return
            stream = self._stream
            topics = [stream.topic] if stream.topic else await self._broker.matching(stream.topics or "")
            counts = {topic: await self._broker.partitions(topic) for topic in topics}
            places = {part_name(topic, n): (topic, n) for topic, count in counts.items() for n in range(count)}
            pack, name, ledger = self._pack.name, stream.name, self._services.ledger
            known = set(await ledger.read(lambda tx: tx.panes.partitions(pack, name)))
            if known != places.keys():
                gone, new = known - places.keys(), places.keys() - known
                for part in sorted(gone):
                    _log.warning("%s: is not there any more; the stream goes on without it", part)
                for topic in sorted({places[part][0] for part in new}) if known else ():
                    await self._broker.ensure_subscription(topic, self._subscription, initial="earliest")
                await ledger.transact("partitions", lambda tx: tx.panes.know(pack, name, sorted(new), sorted(gone)))
            self._places, self._discovered = places, now

    async def _discover_all(self) -> None:
        """Before a pane is closed: what a partition holds that was added meanwhile is counted first."""
        await self._discover(0 if self._stream.topic else MATCH_EVERY)

    async def step(self, max_messages: int, *, wait_s: float = 0, live: bool = False) -> bool:
        """Take one batch of one partition, in turn; False when there was none.

        `live`: a partition counts as read to its end only when it has been silent for a while.

        Raises:
            LedgerError, BrokerError: nothing of the batch was acknowledged; it is tried again.
        """
        await self.settle(look=False)
        if await self._take_one(max_messages, live=live):
            return True
        if wait_s <= 0:
            return False
        ready = [each for each in self._partitions.values() if not await each.ahead()]
        await first_of(ready, max_messages, wait_s)
        return await self._take_one(max_messages, live=live)

    async def expect(self, max_messages: int, wait_s: float) -> bool:
        """With nothing to take: wait for what is still on its way to us; False when everything was read to its end."""
        expecting = [each for each in self._partitions.values() if each.expects]
        if expecting:
            await first_of(expecting, max_messages, wait_s)
        return bool(expecting)

    async def _take_one(self, max_messages: int, *, live: bool) -> bool:
        """The partitions take turns, so that a busy one cannot keep the others from being read."""
        for _ in range(len(self._partitions)):
            parts = list(self._partitions)
            if not parts:
                return False
            part = parts[self._turn % len(parts)]
            self._turn += 1
            try:
                if await self._partitions[part].step(max_messages, live=live):
                    return True
            except Fenced as stop:
                _log.warning("%s; standing by", stop)
                self._share.lose(partition_lease(self._subscription, part))
                await self._partitions.pop(part).close()
        return False

    async def combine(self, *, live: bool = False, flush: bool = False) -> bool:
        """Close panes up to the watermark, or until an incident has something to do; False when there is nothing.

        See `graphs.StreamCombiner.step`. Only one worker does it; the others find nothing to do.

        Raises:
            LedgerError: nothing was written.
        """
        lease = self._share.combiner
        if lease is None:
            self._combiner = None
            return False
        if self._combiner is None or self._combiner.lease.epoch != lease.epoch:
            self._combiner = StreamCombiner(self._services, self._pack, self._stream, self._tenant, lease)
        self._combiner.lease = lease
        try:
            before = self._discover_all if live else None
            done: CombineState = await self._combiner.step(live=live, flush=flush, before=before)
        except Fenced as stop:
            _log.warning("%s; standing by", stop)
            self._share.lose(combiner_lease(self._subscription))
            self._combiner = None
            return False
        return done["moved"]

    async def next_instant(self) -> int | None:
        """The watermark at which this worker closes the next pane; None when there is none, or another one does it."""
        return await self._combiner.next_instant() if self._combiner and self._share.combiner else None

    async def done(self) -> bool:
        """Whether the stream is read to its end and every pane with an event in it is closed."""
        pack, stream, now = self._pack, self._stream, self._services.clock.now()
        return await self._services.ledger.read(lambda tx: flushed(tx, pack, stream, now))

    async def heirs(self) -> dict[str, str] | None:
        """Who goes on with what is not done when this worker leaves, by partition; None while nobody is known to.

        See `Share.heirs`.
        """
        pack, name, now = self._pack.name, self._stream.name, self._services.clock.now()
        standing = await self._services.ledger.read(lambda tx: standing_of(tx, pack, name, now))
        unread = [part for part, each in standing.partitions.items() if not each.ended]
        left = {part: partition_lease(self._subscription, part) for part in unread}
        return await self._share.heirs(left or {f"the last panes of {name}": combiner_lease(self._subscription)})

    async def status(self) -> StreamStatus:
        """How the stream stands."""
        pack, name, now = self._pack.name, self._stream.name, self._services.clock.now()
        standing = await self._services.ledger.read(lambda tx: standing_of(tx, pack, name, now))
        watermark = standing.reach.watermark
        return StreamStatus(
            pack=pack,
            stream=name,
            partitions=tuple(standing.partitions),
            owned=tuple(self._partitions),
            ended=tuple(part for part, each in standing.partitions.items() if each.ended),
            watermark=watermark,
            lag=None if watermark is None else max(0, now - watermark),
            combines=self._share.combiner is not None,
        )

    async def close(self) -> None:
        """Give everything to whoever wants it next."""
        for partition in self._partitions.values():
            await partition.close()
        self._partitions.clear()
        await self._share.release()
