"""The streams of a service: what is subscribed to, who watches it, and how far that has come."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from contracts import StreamSpec
from graphs import combiner_lease, partition_lease, subscription_name
from ledger import Ledger, LedgerBusy, Transaction
from triggers.brokers import Broker, BrokerError

LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream of one pack."""

    pack: str
    spec: StreamSpec

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def subscription(self) -> str:
        return subscription_name(self.pack, self.name)

    async def topics(self, broker: Broker) -> list[str]:
        """Its topic, or those that fit its pattern now."""
        return [self.spec.topic] if self.spec.topic is not None else await broker.matching(self.spec.topics or "")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a stream stands in the ledger. `event_time`: its latest event, in microseconds."""

    partitions: int
    watched_by: tuple[str, ...]
    whole: bool
    event_time: int | None


async def subscribe(broker: Broker, streams: Iterable[Stream], ledger: Ledger | None = None) -> None:
    """From now on the broker keeps what is published for these streams, whoever comes to read it.

    Topics that have joined a stream since this `ledger` read it are read from their beginning.

    Raises:
        BrokerError: a topic is refused to us, or the broker cannot be reached.
    """
    for stream in streams:
        known = ledger is not None and await ledger.read(partial(_is_known, stream))
        for topic in await stream.topics(broker):
            await broker.ensure_subscription(topic, stream.subscription, initial="earliest" if known else None)


def _is_known(stream: Stream, tx: Transaction) -> bool:
    return bool(tx.panes.partitions(stream.pack, stream.name))


def standing(tx: Transaction, stream: Stream, now: int) -> Standing:
    """Who watches the stream; `whole`: all of it, every partition that is known."""
    held = {lease.name: lease.owner for lease in tx.leases.all() if lease.until >= now}
    parts = tx.panes.partitions(stream.pack, stream.name)
    leases = [combiner_lease(stream.subscription), *(partition_lease(stream.subscription, part) for part in parts)]
    owners = {held[name] for name in leases if name in held}
    whole = all(name in held for name in leases)
    times = [doc["latest"] for doc in parts.values() if doc.get("latest") is not None]
    event_time = max(times, default=tx.docs.event_time(stream.pack) or None)
    return Standing(len(parts), tuple(sorted(owners)), whole, event_time)


async def until_watched(ledger: Ledger, streams: Sequence[Stream], now: Callable[[], int]) -> None:
    """Return when every stream is watched, by this process or another one."""
    while True:
        commits = ledger.commits
        with contextlib.suppress(LedgerBusy):
            found = await ledger.read(lambda tx: [standing(tx, stream, now()) for stream in streams])
            if all(each.whole for each in found):
                return
        await ledger.changed(commits, LOOK_S)


async def backlog(broker: Broker, stream: Stream, patience_s: float) -> int | None:
    """Messages that wait for the stream; None where the broker does not tell in time."""
    try:
        async with asyncio.timeout(patience_s):
            topics = await stream.topics(broker)
            return sum([await broker.backlog(topic, stream.subscription) for topic in topics])
    except (BrokerError, TimeoutError):
        return None
