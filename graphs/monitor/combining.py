"""Combining a stream's partitions, one graph run and one transaction a step: close panes, commit what they say."""

import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from agents.monitoring import (
    Combiner,
    Findings,
    Notice,
    Pane,
    PartitionClock,
    Progress,
    Reach,
    Watch,
    Watched,
    measures_of,
    merge_parts,
    reach_of,
)
from contracts import HOUR, MINUTE, StreamSpec
from graphs.monitor.counting import TRIES
from graphs.monitor.names import partition_lease, subscription_name
from graphs.monitor.raising import raise_signal
from graphs.services import PackRuntime, Services
from ledger import Lease, LedgerBusy, Part, Transaction

PANES_A_COMMIT = 128
"""Panes of the shortest measure that are closed in one transaction at most."""
LIVE_LAG = HOUR
"""A stream whose events come less than this late, or two of its longest panes, is live: its watermark follows the clock
when it falls silent."""
IDLE_GRACE = MINUTE
"""How far behind the clock the watermark of a silent live stream stays."""
_log = logging.getLogger("forestall.monitor")


class PartsMoved(Exception):
    """A partition counted into a pane that was about to be closed."""


class CombineState(TypedDict, total=False):
    """`moved`: something was written. Counts, nothing else."""

    moved: bool
    panes: int
    signals: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a stream's partitions have come, as the ledger has it."""

    partitions: dict[str, Progress]
    watches: list[Any]

    @property
    def ended(self) -> bool:
        """Whether every partition was read to its end."""
        return all(each.ended for each in self.partitions.values())

    @property
    def reach(self) -> Reach:
        return reach_of(list(self.partitions.values()))


@dataclass(slots=True)
class Step:
    """One step on its way through the graph."""

    reach: Reach
    combiner: Combiner
    findings: Findings = field(default_factory=Findings)
    parts: Sequence[Part] = ()
    docs: Mapping[str, Any] = field(default_factory=dict)
    moved: bool = False


class StreamCombiner:
    """Closes the panes of one stream of one pack. What it has in memory is a copy of the ledger's."""

    def __init__(self, services: Services, pack: PackRuntime, stream: StreamSpec, tenant: str, lease: Lease) -> None:
        self.services, self.pack, self.stream, self.tenant, self.lease = services, pack, stream, tenant, lease
        self.subscription = subscription_name(pack.name, stream.name)
        self._combiner: Combiner | None = None
        self._posted: set[tuple[str, str]] = set()
        self._graph = _build()

    async def step(
        self, *, live: bool = False, flush: bool = False, before: Callable[[], Awaitable[None]] | None = None
    ) -> CombineState:
        """Close panes up to the watermark, or until one has something to say; `moved` is False when there is nothing.

        Once every partition has ended, `live` lets the watermark follow the clock, and `flush` closes every pane with
        an event in it. `before` is called before any pane is closed, and may make more partitions known.

        Raises:
            LedgerError: nothing was written; likewise what `before` raises.
        """
        try:
            for _ in range(TRIES):
                try:
                    return await self._step(live, flush, before)
                except PartsMoved as moved:
                    _log.debug("%s: %s; doing the step again", self.subscription, moved)
                    self._combiner = None
            raise LedgerBusy(f"{self.subscription}: events came {TRIES} times for panes that were being closed")
        except BaseException:
            self._combiner = None
            raise

    async def _step(self, live: bool, flush: bool, before: Callable[[], Awaitable[None]] | None) -> CombineState:
        combiner = await self.restored()
        standing = await self.standing()
        reach = standing.reach
        if standing.ended and reach.watermark is not None:
            reach = replace(reach, watermark=self._moved_on(combiner, reach.watermark, live=live, flush=flush))
        step = Step(reach, combiner)
        if before is not None and combiner.due(reach):
            await before()
            return await self._step(live, flush, None)
        self._watch(combiner, standing.watches, step.findings)
        if not (combiner.due(reach) or step.findings.looks or self.news(combiner)):
            return {"moved": False}
        done: CombineState = await self._graph.ainvoke({"moved": False}, context=_Work(self, step))
        return done

    def _moved_on(self, combiner: Combiner, watermark: int, *, live: bool, flush: bool) -> int:
        if flush:
            return combiner.flush_time(watermark)
        now = self.services.clock.now()
        reached = max(watermark, combiner.watermark or watermark)
        lag = max(LIVE_LAG, 2 * max((measure.pane for measure in combiner.measures), default=0) + IDLE_GRACE)
        return max(watermark, now - IDLE_GRACE) if live and now - reached < lag else watermark

    async def next_instant(self) -> int | None:
        """The watermark at which the next pane closes, if that can be done now."""
        combiner, standing = await self.restored(), await self.standing()
        return combiner.next_instant(standing.reach) if combiner.due(standing.reach) else None

    async def standing(self) -> Standing:
        """How far the partitions have come, and what the incidents watch."""
        pack, stream, now = self.pack.name, self.stream.name, self.services.clock.now()
        return await self.services.ledger.read(lambda tx: standing_of(tx, pack, stream, now))

    async def restored(self) -> Combiner:
        """The combiner as the ledger has it."""
        if self._combiner is None:
            docs = await self.services.ledger.read(lambda tx: tx.docs.monitor(self.pack.name, self.stream.name))
            combiner = Combiner(self.pack.manifest, self.stream, self.tenant)
            combiner.restore(docs)
            self._combiner = combiner
            self._posted.clear()
        return self._combiner

    def _watch(self, combiner: Combiner, rows: Sequence[Any], findings: Findings) -> None:
        threads = {row[0] for row in rows}
        self._posted = {(thread, ref) for thread, ref in self._posted if thread in threads}
        watched = (
            Watched(thread, measure, detector, key, self._unanswered(thread, Watch.model_validate(doc)))
            for thread, measure, detector, key, doc in rows
        )
        combiner.watch(watched, findings)

    def _unanswered(self, thread: str, watch: Watch) -> Watch:
        """The watch without the looks that were answered: what is looked at later differs, and would be in vain."""
        looks = tuple(at for at in watch.looks if (thread, f"look:{at}") not in self._posted)
        return watch.model_copy(update={"looks": looks})

    def news(self, combiner: Combiner) -> list[tuple[str, Notice]]:
        """What the watches have to say that was not posted yet."""
        return [(thread, notice) for thread, notice in combiner.notices() if (thread, notice.ref) not in self._posted]

    def commit(self, tx: Transaction, step: Step) -> None:
        """Detectors' state, signals, incidents and mail, and the parts that are not needed any more: all or nothing.

        Raises:
            Fenced: another worker combines this stream.
            PartsMoved: a partition's commit came between; the panes have to be closed again.
        """
        pack, stream, closed = self.pack.name, self.stream.name, step.combiner.closed_until
        tx.leases.fence(self.lease)
        if step.moved:
            if moved_since(tx, pack, stream, step):
                raise PartsMoved("a pane got further events")
            tx.panes.close(pack, stream, closed)
            tx.docs.put_monitor(pack, stream, step.docs)
        for raised in step.findings.signals:
            raise_signal(tx, self.services, self.pack, self.tenant, raised)
        for look in step.findings.looks:
            evidence = tx.docs.put_blob(look.evidence.to_json()) if look.evidence else None
            tx.runs.post(look.thread, f"look:{look.at}", {"kind": "look", "at": look.at, "evidence": evidence})
        for thread, notice in self.news(step.combiner):
            tx.runs.post(thread, notice.ref, {"kind": notice.kind, **notice.body})
        counts = {
            "panes": step.findings.panes_closed,
            "signals": len(step.findings.signals),
            "keys_refused": step.findings.keys_refused,
        }
        for name, number in counts.items():
            if number:
                tx.docs.count(f"monitor:{pack}:{name}", number)

    def committed(self, step: Step) -> None:
        """The ledger has it: what was posted is not posted again."""
        self._posted |= {(look.thread, f"look:{look.at}") for look in step.findings.looks}
        self._posted |= {(thread, notice.ref) for thread, notice in step.combiner.notices()}


def moved_since(tx: Transaction, pack: str, stream: str, step: Step) -> bool:
    """Whether the panes that were closed have other parts by now than those that were read."""
    closed = step.combiner.closed_until
    read = {part.seq for part in step.parts if part.start < closed[part.measure]}
    return tx.panes.seqs(pack, stream, closed) != read


def standing_of(tx: Transaction, pack: str, stream: str, now: int) -> Standing:
    """How far a stream's partitions have come. That one has ended holds only while its owner's lease does."""
    subscription, found = subscription_name(pack, stream), {}
    for part, doc in tx.panes.partitions(pack, stream).items():
        lease = tx.leases.get(partition_lease(subscription, part))
        ended = lease is not None and doc.get("ended") == lease.epoch and lease.until >= now
        found[part] = Progress(PartitionClock.from_doc(doc), ended)
    return Standing(found, tx.incidents.watches(pack))


def flushed(tx: Transaction, pack: PackRuntime, stream: StreamSpec, now: int) -> bool:
    """Whether every partition has ended and every pane with an event in it is closed."""
    standing = standing_of(tx, pack.name, stream.name, now)
    latest = standing.reach.watermark
    if not standing.ended or latest is None:
        return standing.ended
    closed = (tx.docs.part_doc(pack.name, stream.name, "clock") or {}).get("closed_until", {})
    return all(closed.get(each.name, 0) > latest for each in measures_of(pack.manifest, stream))


@dataclass(frozen=True, slots=True)
class _Work:
    stream: StreamCombiner
    step: Step


async def combine(state: CombineState, runtime: Runtime[_Work]) -> CombineState:  # noqa: ARG001
    """Close panes in the order of time, and stop behind the first instant that gives an incident something to do."""
    stream, step = runtime.context.stream, runtime.context.step
    combiner, findings = step.combiner, step.findings
    first = combiner.next_instant(step.reach)
    if first is None or findings.looks or stream.news(combiner) or not combiner.due(step.reach):
        return {"moved": True}
    span = PANES_A_COMMIT * min(measure.pane for measure in combiner.measures)
    until = min(step.reach.watermark or first, first + span)
    pack, name, needs = stream.pack.name, stream.stream.name, combiner.needs(until)
    step.parts = await stream.services.ledger.read(lambda tx: tx.panes.parts(pack, name, needs))
    panes: dict[tuple[str, int], dict[str, Pane]] = defaultdict(dict)
    for part in step.parts:
        merge_parts(panes[part.measure, part.start], {key: Pane.restore(doc) for key, doc in part.doc.items()})
    while (instant := combiner.next_instant(step.reach)) is not None and instant <= until:
        combiner.step(step.reach, panes, findings)
        step.moved = True
        if findings.signals or findings.looks or stream.news(combiner):
            break
    step.docs = combiner.changed_docs()
    return {"moved": True, "panes": findings.panes_closed, "signals": len(findings.signals)}


async def commit(state: CombineState, runtime: Runtime[_Work]) -> CombineState:  # noqa: ARG001
    """One transaction for all of it."""
    stream, step = runtime.context.stream, runtime.context.step
    await stream.services.ledger.transact("combine", lambda tx: stream.commit(tx, step))
    stream.committed(step)
    return {}


def _build() -> Any:
    graph = StateGraph(CombineState, context_schema=_Work)
    graph.add_node("combine", combine)
    graph.add_node("commit", commit)
    graph.add_edge(START, "combine")
    graph.add_edge("combine", "commit")
    graph.add_edge("commit", END)
    return graph.compile()
