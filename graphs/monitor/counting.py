"""Counting one partition, one graph run and one transaction a batch: screen, count, commit."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from agents.monitoring import Counted, Counter, Floor, Pane, PartitionClock, merge_parts
from agents.reflex import Call
from contracts import Event, StreamSpec
from graphs.monitor.names import part_name, subscription_name
from graphs.reading import BatchReader, Screened
from graphs.reflex import ReflexLane
from graphs.screening import Incoming, Screen
from graphs.services import PackRuntime, Services
from graphs.sifting import sift
from ledger import DeadLetter, InboxIndex, InboxMoved, Lease, LedgerBusy, Seen, Transaction

PARTS_A_PANE = 64
"""Parts that one partition adds to a pane before they are put together."""
TRIES = 10
"""So often a batch is done again because somebody else's commit came between; then it is given back."""
_log = logging.getLogger("forestall.monitor")


Publish = Callable[[Sequence[Event]], Awaitable[None]]


class FloorMoved(Exception):
    """A pane that the batch counted into was closed meanwhile."""


class CountState(TypedDict, total=False):
    """Counts only: the batch itself stays in the context, nothing of it is checkpointed."""

    messages: int
    fresh: int
    duplicates: int
    dead: int


@dataclass(slots=True)
class Batch:
    """One micro-batch on its way through the graph. `ended`: with it the partition is read to its end."""

    messages: Sequence[Incoming]
    now: int
    ended: bool
    screened: Screened | None = None
    seen: Seen | None = None
    counted: Counted | None = None
    identities: list[bytes] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    handled: int = 0
    duplicates: int = 0
    taken: list[int] = field(default_factory=list)
    published: bool = False
    calls: list[Call] = field(default_factory=list)


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
        self.ended = False
        self.closed: int | None = None
        self._loaded = False
        self._graph = _build()

    async def take(self, messages: Sequence[Incoming], *, ended: bool = False) -> CountState:
        """Take a batch; it is durable when this returns and may be acknowledged.

        `ended`: nothing more was there behind it. A batch without messages only notes that.

        Raises:
            LedgerError: nothing of the batch was written.
        """
        try:
            await self.restored()
            if not messages and ended == self.ended:
                return {"messages": 0}
            batch = Batch(messages, self.services.clock.now(), ended)
            work, begun = _Work(self, batch), CountState(messages=len(messages))
            for _ in range(TRIES):
                try:
                    done: CountState = await self._graph.ainvoke(begun, context=work)
                except (FloorMoved, InboxMoved) as moved:
                    _log.debug("%s: %s; doing the batch again", self.part, moved)
                    continue
                return done
            raise LedgerBusy(f"{self.part}: panes were closed {TRIES} times while a batch was counted")
        except BaseException:
            self._loaded = False
            raise

    async def restored(self) -> PartitionClock:
        """The partition's clock as the ledger has it."""
        if not self._loaded:
            doc, keys = await self.services.ledger.read(self._stored)
            self.clock = PartitionClock.from_doc(doc)
            self.ended = doc.get("ended") == self.lease.epoch
            self.keys = {name: set(values) for name, values in keys.items()}
            self._loaded = True
        return self.clock

    async def look(self) -> None:
        """See how far the combiner has come: `closed`, its watermark."""
        self.closed = (await self.services.ledger.read(self.floor)).watermark

    def _stored(self, tx: Transaction) -> tuple[dict[str, Any], dict[str, list[str]]]:
        doc = tx.panes.partitions(self.pack.name, self.stream.name).get(self.part, {})
        docs = tx.docs.monitor(self.pack.name, self.part)
        return doc, {name.removeprefix("keys/"): doc for name, doc in docs.items() if name.startswith("keys/")}

    def floor(self, tx: Transaction) -> Floor:
        """What the combiner has closed, and how far the other partitions have come."""
        clock = tx.docs.part_doc(self.pack.name, self.stream.name, "clock") or {}
        others = None
        if self.clock.latest is None:
            rows = tx.panes.partitions(self.pack.name, self.stream.name).values()
            others = max((doc["latest"] for doc in rows if doc.get("latest") is not None), default=None)
        return Floor(clock.get("watermark"), clock.get("closed_until", {}), others)

    def commit(self, tx: Transaction, batch: Batch) -> int:
        """Inbox, parts of panes, clock, reflexes: all or nothing; returns how many dead letters are new.

        Raises:
            Fenced: the partition has another owner.
            FloorMoved, InboxMoved: somebody else's commit came between; the batch has to be counted again.
        """
        assert batch.counted is not None
        assert batch.seen is not None
        pack, stream, counted = self.pack.name, self.stream.name, batch.counted
        tx.leases.fence(self.lease)
        if counted.below(self.floor(tx).closed_until):
            raise FloorMoved("a pane was closed")
        tx.inbox.add_batch(batch.seen, batch.identities, batch.digests, batch.now)
        buried = tx.inbox.bury(self.subscription, batch.dead)
        parts = {pane: {key: part.snapshot() for key, part in found.items()} for pane, found in counted.parts.items()}
        tx.panes.add(pack, stream, self.part, parts)
        for pane in parts:
            self._compact(tx, pane)
        if keys := {f"keys/{name}": sorted(self.keys.get(name, set()) | new) for name, new in counted.new_keys.items()}:
            tx.docs.put_monitor(pack, self.part, keys)
        ended = self.lease.epoch if batch.ended else 0
        tx.panes.put_partition(pack, stream, self.part, counted.clock.to_doc() | {"ended": ended})
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
        self.clock, self.ended = batch.counted.clock, batch.ended
        for name, new in batch.counted.new_keys.items():
            self.keys.setdefault(name, set()).update(new)

    def _count(self, tx: Transaction, batch: Batch, buried: int) -> None:
        assert batch.counted is not None
        assert batch.screened is not None
        counts = {
            "events": len(batch.identities),
            "duplicates": batch.duplicates,
            "dead_letters": buried,
            "ignored": batch.screened.ignored,
            "filtered": batch.screened.filtered,
            "late": batch.counted.late,
            "keys_refused": batch.counted.keys_refused,
        }
        for name, number in counts.items():
            if number:
                tx.docs.count(f"monitor:{self.pack.name}:{name}", number)


@dataclass(frozen=True, slots=True)
class _Work:
    partition: PartitionMonitor
    batch: Batch


async def screen(state: CountState, runtime: Runtime[_Work]) -> CountState:  # noqa: ARG001
    """What is an event of ours?"""
    partition, batch = runtime.context.partition, runtime.context.batch
    if batch.screened is None:
        batch.handled = _handled(batch.messages, partition.clock)
        batch.messages = batch.messages[batch.handled :]
        payloads = getattr(batch.messages, "payloads", None)
        batch.screened = partition.reader.read(batch.messages, batch.now, payloads)
    return {}


def _handled(messages: Sequence[Incoming], clock: PartitionClock) -> int:
    """How many messages at the beginning were in a batch that was committed: they come again, and the inbox may have
    forgotten them. A log that was made anew begins with low positions again, and is told by its later publishing."""
    for place, message in enumerate(messages):
        published = message.publish_time
        if not (0 <= message.position <= clock.position and published is not None and published <= clock.published):
            return place
    return len(messages)


async def count(state: CountState, runtime: Runtime[_Work]) -> CountState:  # noqa: ARG001
    """What was not seen before, and what does it add to which pane?"""
    partition, batch = runtime.context.partition, runtime.context.batch
    assert batch.screened is not None
    read = batch.screened

    def look(tx: Transaction) -> tuple[Seen, Floor]:
        return partition.index.refresh(tx), partition.floor(tx)

    seen, floor = await partition.services.ledger.read(look)
    batch.seen, partition.closed = seen, floor.watermark
    sifted = sift(read, seen.known(read.identities, read.former), batch.messages, batch.now)
    fresh = sifted.fresh
    readings = read.readings if len(fresh) == len(read.identities) else read.readings.only(fresh)
    counted = partition.counter.count(readings, partition.clock, floor, partition.keys, batch.now)
    refused = {fresh[each.place]: each for each in counted.refused}
    taken = [row for row in fresh if row not in refused] if refused else fresh
    batch.taken = taken
    batch.calls = partition.reflexes.rules.calls(read.readings.only(taken)) if partition.reflexes.rules else []
    batch.identities = [read.identities[row] for row in taken]
    batch.digests = [read.digests[row] for row in taken]
    batch.dead = read.dead + sifted.dead
    for row, each in refused.items():
        message = batch.messages[read.places[row]]
        batch.dead.append(Screen.dead(message, each.code, each.reason, batch.now))
    batch.duplicates = batch.handled + sifted.duplicates
    batch.counted = replace(counted, clock=_read_up_to(counted.clock, batch.messages))
    return {"fresh": len(taken), "duplicates": batch.duplicates}


def _read_up_to(clock: PartitionClock, messages: Sequence[Incoming]) -> PartitionClock:
    if not messages:
        return clock
    last = messages[-1]
    published = max(last.publish_time or 0, clock.published)
    return replace(clock, position=last.position, published=published)


async def process(state: CountState, runtime: Runtime[_Work]) -> CountState:  # noqa: ARG001
    """What is taken goes to the stream's `processed` topic, under the same ids: at least once, for a crash before the
    commit brings it again."""
    partition, batch = runtime.context.partition, runtime.context.batch
    assert batch.screened is not None
    if partition.publish is not None and batch.taken and not batch.published:
        await partition.publish([batch.screened.events[row] for row in batch.taken])
        batch.published = True
    return {}


async def commit(state: CountState, runtime: Runtime[_Work]) -> CountState:  # noqa: ARG001
    """One transaction for all of it; dead letters are told in the log, one line a batch."""
    partition, batch = runtime.context.partition, runtime.context.batch
    await partition.services.ledger.transact("intake", lambda tx: partition.commit(tx, batch))
    partition.committed(batch)
    for letter in batch.dead[:1]:
        _log.warning("dead letters: %d, first: %s: %s", len(batch.dead), letter.code, letter.reason)
    return {"dead": len(batch.dead)}


def _build() -> Any:
    graph = StateGraph(CountState, context_schema=_Work)
    for node in (screen, count, process, commit):
        graph.add_node(node.__name__, node)
    graph.add_edge(START, "screen")
    graph.add_edge("screen", "count")
    graph.add_edge("count", "process")
    graph.add_edge("process", "commit")
    graph.add_edge("commit", END)
    return graph.compile()
