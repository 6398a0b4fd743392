"""Counting one partition, one transaction a batch (`graphs.monitor.batch`)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, TypedDict

from agents.monitoring import Counter, Floor, Pane, PartitionClock, merge_parts
from contracts import Event, StreamSpec
from graphs.monitor.batch import Batch, Unforeseen, commit, count, handled, process, screen
from graphs.monitor.isolation import isolate
from graphs.monitor.names import part_name, subscription_name
from graphs.reading import BatchReader, Screened
from graphs.reflex import ReflexLane
from graphs.screening import Incoming, Screen
from graphs.services import PackRuntime, Services
from ledger import InboxIndex, InboxMoved, Lease, LedgerBusy, Seen, Transaction

PARTS_A_PANE = 64
"""Parts that one partition adds to a pane before they are put together."""
TRIES = 10
"""So often a batch is done again because somebody else's commit came between; then it is given back."""
_log = logging.getLogger("forestall.monitor")


Publish = Callable[[Sequence[Event]], Awaitable[None]]


class FloorMoved(Exception):
    """A pane that the batch counted into was closed meanwhile."""


class CountState(TypedDict, total=False):
    """What became of a batch, in counts."""

    messages: int
    fresh: int
    duplicates: int
    dead: int


def _together(parts: Sequence[CountState]) -> CountState:
    return CountState(
        messages=sum(part["messages"] for part in parts),
        fresh=sum(part["fresh"] for part in parts),
        duplicates=sum(part["duplicates"] for part in parts),
        dead=sum(part["dead"] for part in parts),
    )


class PartitionMonitor:
    """Counts one partition of a stream. What it has in memory is a copy of the ledger's, reloaded after a failure."""

    def __init__(
        self,
        services: Services,
        pack: PackRuntime,
        stream: StreamSpec,
        tenant: str,
        lease: Lease,
        *,
        topic: str | None = None,
        partition: int = 0,
        index: InboxIndex | None = None,
        publish: Publish | None = None,
    ) -> None:
        """`index` may be shared by a process's partitions of the same stream.

        `publish` gets what was taken of a batch, mapped, filtered and enriched, before the commit.
        """
        self.services, self.pack, self.stream, self.lease = services, pack, stream, lease
        self.part = part_name(topic or stream.name, partition)
        self.subscription = subscription_name(pack.name, stream.name)
        self.reader = BatchReader(Screen(stream, tenant), pack.manifest, stream)
        self.publish = publish
        self.counter = Counter(pack.manifest, stream)
        self.reflexes = ReflexLane(services, pack, stream, tenant)
        self.index = index if index is not None else InboxIndex(self.subscription)
        self.clock = PartitionClock()
        self.keys: dict[str, set[str]] = {}
        self.counted = asyncio.Event()
        """Clear while a batch is counted: whoever has something to compute for the next one waits until it is set."""
        self.counted.set()
        self.ended = False
        self.stumbled = 0
        """Messages in a row that our own code failed on (`graphs.monitor.isolation`)."""
        self.closed: int | None = None
        self._floor: Floor | None = None
        self._loaded = False

    def screened(self, messages: Sequence[Incoming], now: int) -> Screened:
        """What of these are events of ours, by themselves: not whether they were seen before."""
        return self.reader.read(messages, now, getattr(messages, "payloads", None))

    async def take(
        self, messages: Sequence[Incoming], *, ended: bool = False, screened: Screened | None = None
    ) -> CountState:
        """Take a batch; it is durable when this returns and may be acknowledged.

        `ended`: nothing more was there behind it. A batch without messages only notes that. `screened`: what the method
        of that name said of all of them.

        A message that our own code fails on is a dead letter (`graphs.monitor.isolation`).

        Raises:
            LedgerError: nothing of the batch was written; of one with such a message perhaps its beginning.
        """
        self.counted.clear()
        try:
            await self.restored()
            if not messages and ended == self.ended:
                return {"messages": 0}
            before = handled(messages, self.clock)
            if before:
                messages, screened = messages[before:], None
            with suppress(Unforeseen):
                batch = Batch(messages, self.services.clock.now(), ended, handled=before)
                return await self.take_at_once(batch, screened)
            return _together(await isolate(self, messages, ended=ended, handled=before))
        except BaseException:
            self._loaded, self._floor = False, None
            raise
        finally:
            self.counted.set()

    async def take_at_once(self, batch: Batch, screened: Screened | None = None) -> CountState:
        """The batch in one transaction; see `take`.

        Raises:
            LedgerError: nothing of the batch was written.
            Unforeseen: our own code failed on it, and nothing was written.
        """
        messages = batch.handled + len(batch.messages) + len(batch.unforeseen)
        screen(self, batch, screened)
        for _ in range(TRIES):
            try:
                await count(self, batch)
                await process(self, batch)
                await commit(self, batch)
            except (FloorMoved, InboxMoved) as moved:
                _log.debug("%s: %s; doing the batch again", self.part, moved)
                self._floor = None
                continue
            return CountState(
                messages=messages, fresh=len(batch.taken), duplicates=batch.duplicates, dead=len(batch.dead)
            )
        raise LedgerBusy(f"{self.part}: panes were closed {TRIES} times while a batch was counted")

    async def restored(self) -> PartitionClock:
        """The partition's clock as the ledger has it."""
        if not self._loaded:
            doc, keys = await self.services.ledger.read(self._stored)
            self.clock = PartitionClock.from_doc(doc)
            self.ended = doc.get("ended") == self.lease.epoch
            self.stumbled = doc.get("unforeseen", 0)
            self.keys = {name: set(values) for name, values in keys.items()}
            self._loaded = True
        return self.clock

    async def look(self) -> tuple[Seen, Floor]:
        """What was taken before, by whomever, and how far the combiner has come: `known`, and `closed`, its
        watermark."""
        seen, floor = await self.services.ledger.read(lambda tx: (self.index.refresh(tx), self.floor(tx)))
        self._floor, self.closed = floor, floor.watermark
        return seen, floor

    def followed(self) -> tuple[Seen, Floor] | None:
        """The same as of our last commit, with what this process took in since; None where somebody else took something
        in before that, the ledger had forgotten something, or nothing is known: then it takes a look."""
        return (self.index.follow(), self._floor) if self._floor is not None else None

    def _stored(self, tx: Transaction) -> tuple[dict[str, Any], dict[str, list[str]]]:
        doc = tx.panes.partitions(self.pack.name, self.stream.name).get(self.part, {})
        docs = tx.docs.monitor(self.pack.name, self.part)
        return doc, {name.removeprefix("keys/"): doc for name, doc in docs.items() if name.startswith("keys/")}

    def floor(self, tx: Transaction) -> Floor:
        """What the combiner has closed, and how far the other partitions have come."""
        clock = tx.docs.part_doc(self.pack.name, self.stream.name, "clock") or {}
        others = first = None
        if self.clock.latest is None:
            rows = tx.panes.partitions(self.pack.name, self.stream.name).values()
            others = max((doc["latest"] for doc in rows if doc.get("latest") is not None), default=None)
            first = min((doc["first"] for doc in rows if doc.get("first") is not None), default=None)
        return Floor(clock.get("watermark"), clock.get("closed_until", {}), others, first)

    def commit(self, tx: Transaction, batch: Batch) -> int:
        """Inbox, parts of panes, clock, reflexes: all or nothing; returns how many dead letters are new.

        Raises:
            Fenced: the partition has another owner.
            FloorMoved, InboxMoved: somebody else's commit came between; the batch has to be counted again.
        """
        assert batch.counted is not None
        assert batch.seen is not None
        assert batch.floor is not None
        pack, stream, counted = self.pack.name, self.stream.name, batch.counted
        tx.leases.fence(self.lease)
        floor = self.floor(tx)
        if counted.below(floor.closed_until) or (batch.assumed and not batch.floor.counts_alike(floor, self.clock)):
            raise FloorMoved("a pane was closed")
        batch.found, batch.pruned = floor, tx.inbox.first_number(self.subscription) > batch.seen.floor
        batch.added = tx.inbox.add_batch(batch.seen, batch.identities, batch.digests, batch.now)
        buried = tx.inbox.bury(self.subscription, batch.dead)
        parts = {pane: {key: part.snapshot() for key, part in found.items()} for pane, found in counted.parts.items()}
        tx.panes.add(pack, stream, self.part, parts)
        for pane in parts:
            self._compact(tx, pane)
        if keys := {
            f"keys/{name}": sorted(self.keys.get(name, set()) | new) for name, new in counted.new_keys.items() if new
        }:
            tx.docs.put_monitor(pack, self.part, keys)
        ended = self.lease.epoch if batch.ended else 0
        standing = {"ended": ended, "unforeseen": self._stumbled(batch)}
        tx.panes.put_partition(pack, stream, self.part, counted.clock.to_doc() | standing)
        self.reflexes.act(tx, batch.calls, batch.now)
        self._count(tx, batch, buried)
        return buried

    def _compact(self, tx: Transaction, pane: tuple[str, int]) -> None:
        crowd = tx.panes.crowded(self.pack.name, self.stream.name, self.part, pane, PARTS_A_PANE)
        if crowd:
            merged: dict[str, Pane] = {}
            for part in crowd:
                merge_parts(merged, {key: Pane.restore(doc) for key, doc in part.doc.items()})
            tx.panes.replace(crowd, {key: found.snapshot() for key, found in merged.items()})

    def committed(self, batch: Batch) -> None:
        """The ledger has it: the copy in memory follows."""
        assert batch.counted is not None
        assert batch.found is not None
        self.stumbled = self._stumbled(batch)
        self.clock, self.ended = batch.counted.clock, batch.ended
        self._floor, self.closed = batch.found, batch.found.watermark
        if batch.added is not None:
            self.index.own(batch.added)
            if self.index.follow().upto < batch.added.upto:
                self._floor = None
        if batch.pruned:
            self._floor = None
        for name, new in batch.counted.new_keys.items():
            self.keys.setdefault(name, set()).update(new)

    def _stumbled(self, batch: Batch) -> int:
        if batch.in_a_row is not None:
            return batch.in_a_row
        return 0 if batch.taken else self.stumbled

    def _count(self, tx: Transaction, batch: Batch, buried: int) -> None:
        assert batch.counted is not None
        assert batch.screened is not None
        counts = {
            "events": len(batch.identities),
            "duplicates": batch.duplicates,
            "dead_letters": buried,
            "unforeseen": len(batch.unforeseen),
            "ignored": batch.screened.ignored,
            "filtered": batch.screened.filtered,
            "late": batch.counted.late,
            "keys_refused": batch.counted.keys_refused,
        }
        for name, number in counts.items():
            if number:
                tx.docs.count(f"monitor:{self.pack.name}:{name}", number)
