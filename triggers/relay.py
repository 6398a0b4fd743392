"""The relay: one fenced sender that copies the journal's events to their topics, at least once and in order."""

import logging

from contracts import SECOND
from graphs import Services
from ledger import Fenced, Lease, OutboxRow, Transaction
from ledger.recording import TOPIC
from triggers.brokers import Broker, Outgoing

BATCH_ROWS = 500
LEASE_MICROS = 30 * SECOND
_log = logging.getLogger("forestall.relay")


class Relay:
    """Numbers rows after their commit, keeps the number, then sends: no row can be passed over."""

    def __init__(self, services: Services, broker: Broker) -> None:
        self._services, self._broker = services, broker
        self._lease: Lease | None = None

    async def step(self) -> bool:
        """Send one batch; False when there is nothing to send, or another process is the relay.

        Raises:
            BrokerError: the batch stays unsent and is tried again.
        """
        ledger, now = self._services.ledger, self._services.clock.now()
        if await ledger.read(lambda tx: tx.journal.unsent_count(TOPIC)) == 0:
            return False
        lease = await self._own(now)
        if lease is None:
            return False
        try:
            await ledger.transact("outbox:number", lambda tx: tx.journal.number_unsent(TOPIC, BATCH_ROWS))
            rows = await ledger.read(lambda tx: tx.journal.unsent(TOPIC, BATCH_ROWS))
            for topic, batch in _by_topic(rows):
                await self._broker.publish(topic, [_outgoing(row) for row in batch])

            def sent(tx: Transaction) -> None:
                tx.leases.fence(lease)
                tx.journal.mark_sent(rows, now)

            await ledger.transact("outbox:sent", sent)
        except Fenced as stop:
            _log.warning("%s; standing by", stop)
            self._lease = None
            return False
        return bool(rows)

    async def _own(self, now: int) -> Lease | None:
        if self._lease is None or now >= self._lease.until - LEASE_MICROS // 2:
            ledger, owner = self._services.ledger, self._services.owner
            if not await ledger.read(lambda tx: tx.leases.is_free("relay", owner, now)):
                self._lease = None
                return None
            self._lease = await ledger.transact(
                "lease:acquire", lambda tx: tx.leases.acquire("relay", owner, now, LEASE_MICROS)
            )
        return self._lease

    async def close(self) -> None:
        if self._lease is not None:
            lease, self._lease = self._lease, None
            await self._services.ledger.transact("lease:release", lambda tx: tx.leases.release(lease))


def _by_topic(rows: list[OutboxRow]) -> list[tuple[str, list[OutboxRow]]]:
    found: dict[str, list[OutboxRow]] = {}
    for row in rows:
        found.setdefault(row.destination.removeprefix(TOPIC), []).append(row)
    return list(found.items())


def _outgoing(row: OutboxRow) -> Outgoing:
    return Outgoing(row.payload, row.event.key, {"forestall-number": str(row.number)})
