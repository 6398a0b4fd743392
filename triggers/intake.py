"""Intake: batches from a broker into the ledger, acknowledged only after the commit."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from contracts import HOUR, MINUTE, SECOND, StreamSpec
from graphs import Incoming, PackRuntime, Services, StreamMonitor, subscription_name
from ledger import Fenced, Lease
from triggers.brokers import Broker, Consumer, Message

LEASE_MICROS = 30 * SECOND
LIVE_LAG = HOUR
"""A stream whose events come less than this late is live: its watermark follows the clock when it falls silent."""
IDLE_GRACE = MINUTE
"""How far behind the clock the watermark of a silent live stream stays."""
_log = logging.getLogger("forestall.intake")


class Intake:
    """Reads one stream of one pack as its single fenced owner."""

    def __init__(self, services: Services, pack: PackRuntime, stream: StreamSpec, broker: Broker, tenant: str) -> None:
        self._services, self._pack, self._stream = services, pack, stream
        self._broker, self._tenant = broker, tenant
        self._consumer: Consumer | None = None
        self._monitor: StreamMonitor | None = None
        self._lease: Lease | None = None
        self._settled: list[Any] = []
        self._held: list[Message] = []

    @property
    def topic(self) -> str:
        return self._stream.name

    @property
    def owned(self) -> bool:
        """Whether this process watches the stream; else another one does, and this one stands by."""
        return self._lease is not None

    async def step(self, max_messages: int, *, wait_s: float = 0) -> bool:
        """Take one batch; False when there was none, or another process owns the stream.

        Raises:
            LedgerError, BrokerError: nothing of the batch was acknowledged; it comes again.
        """
        consumer = await self._own()
        if consumer is None:
            return False
        messages = self._held or await receive(consumer, max_messages, wait_s)
        if not messages:
            return False
        await self._take(consumer, messages)
        return True

    async def settle(self) -> None:
        """With nothing to read: let watches see what was judged already, and a silent live stream's watermark move."""
        if await self._own() is None or self._monitor is None:
            return
        monitor = await self._monitor.restored()
        now = self._services.clock.now()
        latest = monitor.latest
        pane = min((measure.pane for measure in monitor.measures), default=MINUTE)
        silent = latest is not None and now - latest < LIVE_LAG and now - IDLE_GRACE - latest >= pane
        watches = await self._services.ledger.read(lambda tx: tx.incidents.watches(self._pack.name))
        if silent or watches != self._settled:
            self._settled = watches
            await self._advance(self._monitor, now - IDLE_GRACE if silent else None)

    async def flush(self) -> None:
        """The stream has ended: close every pane that holds an event."""
        if await self._own() is None or self._monitor is None:
            return
        monitor = await self._monitor.restored()
        await self._advance(self._monitor, monitor.flush_time())

    async def _advance(self, monitor: StreamMonitor, to: int | None) -> None:
        """Take nothing, and move the watermark."""
        try:
            await monitor.take([], to)
        except Fenced as stop:
            _log.warning("%s; standing by", stop)
            await self._lose()

    async def close(self) -> None:
        """Give the stream to whoever wants it next."""
        if self._consumer is not None:
            await self._consumer.close()
            self._consumer = None
        if self._lease is not None:
            lease, self._lease = self._lease, None
            await self._services.ledger.transact("lease:release", lambda tx: tx.leases.release(lease))

    async def _take(self, consumer: Consumer, messages: Sequence[Message]) -> None:
        assert self._monitor is not None
        incoming = [Incoming(each.topic, each.message_id, each.payload, each.partition, each.publish_time) for each in messages]
        self._held = []
        try:
            done = await self._monitor.take(incoming)
        except Fenced as stop:
            _log.warning("%s; standing by", stop)
            await self._lose()
            return
        except BaseException:
            await consumer.nack(messages)
            raise
        self._held = list(messages[done["taken"] :])
        await consumer.ack(messages[: done["taken"]])

    async def _own(self) -> Consumer | None:
        """The consumer, while we hold the stream's lease; renewed at half its length."""
        now = self._services.clock.now()
        if self._lease is not None and now < self._lease.until - LEASE_MICROS // 2:
            return self._consumer
        name = f"monitor:{subscription_name(self._pack.name, self._stream.name)}"
        held, owner = self._lease, self._services.owner
        if held is None and not await self._services.ledger.read(lambda tx: tx.leases.is_free(name, owner, now)):
            return None
        try:
            if held is not None:
                lease: Lease | None = await self._services.ledger.transact(
                    "lease:renew", lambda tx: tx.leases.renew(held, now, LEASE_MICROS)
                )
            else:
                lease = await self._services.ledger.transact(
                    "lease:acquire", lambda tx: tx.leases.acquire(name, owner, now, LEASE_MICROS)
                )
        except Fenced:
            await self._lose()
            return None
        if lease is None:
            return None
        if self._monitor is None:
            self._monitor = StreamMonitor(self._services, self._pack, self._stream, self._tenant, lease)
        self._lease = self._monitor.lease = lease
        if self._consumer is None:
            subscription = subscription_name(self._pack.name, self._stream.name)
            self._consumer = await self._broker.subscribe(self._stream.name, subscription)
        return self._consumer

    async def _lose(self) -> None:
        self._lease = self._monitor = None
        self._held = []
        if self._consumer is not None:
            await self._consumer.close()
            self._consumer = None


async def receive(consumer: Consumer, max_messages: int, wait_s: float) -> list[Message]:
    """A batch; waits at most `wait_s` for the first message."""
    found = await consumer.receive(max_messages, wait=False)
    if found or wait_s <= 0:
        return found
    try:
        async with asyncio.timeout(wait_s):
            return await consumer.receive(max_messages)
    except TimeoutError:
        return []
