"""The relay: one fenced sender that copies our events and dead letters to topics, at least once and in order."""

import asyncio
import logging
from collections.abc import Sequence

from contracts import MINUTE, SECOND
from graphs import Services
from ledger import Fenced, Lease, OutboxRow, Transaction, Unpublished
from ledger.recording import TOPIC
from triggers.brokers import AskOperator, Broker, Outgoing

BATCH_ROWS = 500
BATCH_LETTERS = 64
DEAD_LETTERS = "forestall.dead_letters"
"""Their topic, and the subscription on it that keeps them until somebody reads it."""
HOLD_MICROS = MINUTE
"""A topic that refuses us (no right, not there) is left alone for so long; the other topics and the watching go on."""
LEASE_MICROS = 30 * SECOND
_log = logging.getLogger("forestall.relay")


class Relay:
    """Sends rows by the numbers that the journal gave them when they were committed: no row can be passed over."""

    def __init__(self, services: Services, broker: Broker) -> None:
        self._services, self._broker = services, broker
        self._lease: Lease | None = None
        self._held: dict[str, int] = {}
        self._told: dict[str, str] = {}

    async def step(self) -> bool:
        """Send one batch; False when there is nothing to send, or another process is the relay.

        What a topic refuses for a reason that only a person can remove is told once, stays unsent and is tried again
        after a while.

        Raises:
            BrokerError: what a topic did not take stays unsent and is tried again.
        """
        ledger, now = self._services.ledger, self._services.clock.now()
        self._held = {topic: until for topic, until in self._held.items() if until > now}
        held = [f"{TOPIC}{topic}" for topic in self._held]
        most = 0 if DEAD_LETTERS in self._held else BATCH_LETTERS
        rows, letters = await ledger.read(
            lambda tx: (tx.journal.unsent(TOPIC, BATCH_ROWS, but=held), tx.inbox.unpublished(most))
        )
        if not rows and not letters:
            return False
        lease = await self._own(now)
        if lease is None:
            return False
        parcels = [(topic, [_outgoing(row) for row in batch]) for topic, batch in _by_topic(rows)]
        if letters:
            parcels.append((DEAD_LETTERS, [_letter(each) for each in letters]))
        # What somebody outside waits for goes first, and alone: the copies of what we decided are not urgent.
        copies = {name.removeprefix(TOPIC) for row in rows for name in self._services.routing.of(row.type)}
        failed = await self._publish([parcel for parcel in parcels if parcel[0] not in copies])
        failed |= await self._publish([parcel for parcel in parcels if parcel[0] in copies])

        def sent(tx: Transaction) -> None:
            tx.leases.fence(lease)
            tx.journal.mark_sent([row for row in rows if row.destination.removeprefix(TOPIC) not in failed], now)
            if letters and DEAD_LETTERS not in failed:
                tx.inbox.mark_published(letters)

        try:
            await ledger.transact("outbox:sent", sent)
        except Fenced as stop:
            _log.warning("%s; standing by", stop)
            self._lease = None
            return False
        for topic, _ in parcels:
            if topic not in failed:
                self._told.pop(topic, None)
        for topic, fault in failed.items():
            if isinstance(fault, AskOperator):
                self._hold(topic, str(fault), now)
        for fault in failed.values():
            if not isinstance(fault, AskOperator):
                raise fault
        return True

    async def _send(self, topic: str, batch: list[Outgoing]) -> None:
        if topic == DEAD_LETTERS:
            await self._broker.ensure_subscription(topic, DEAD_LETTERS)
        await self._broker.publish(topic, batch)

    def _hold(self, topic: str, problem: str, now: int) -> None:
        self._held[topic] = now + HOLD_MICROS
        if self._told.get(topic) != problem:
            self._told[topic] = problem
            _log.warning("%s; what is for it stays in the ledger until a person has seen to it", problem)

    async def _publish(self, parcels: Sequence[tuple[str, list[Outgoing]]]) -> dict[str, BaseException]:
        """Topics side by side; what failed, by topic."""
        faults = await asyncio.gather(*(self._send(topic, batch) for topic, batch in parcels), return_exceptions=True)
        answers = zip(parcels, faults, strict=True)
        return {topic: fault for (topic, _), fault in answers if isinstance(fault, BaseException)}

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


def _letter(found: Unpublished) -> Outgoing:
    """A dead letter as it came (cut, when it was long), with why it could not be taken and where it came from."""
    letter = found.letter
    told = {
        "code": letter.code,
        "reason": letter.reason,
        "topic": letter.topic,
        "message-id": letter.message_id,
        "subscription": found.subscription,
        "size": str(letter.size),
    }
    return Outgoing(letter.payload, None, {f"forestall-{name}": value for name, value in told.items()})


def _outgoing(row: OutboxRow) -> Outgoing:
    return Outgoing(row.payload, row.key, {"forestall-number": str(row.seq)})
