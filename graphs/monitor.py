"""The monitor graph: screen, detect, commit one micro-batch of one stream in one transaction."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from agents.monitoring import EventRefused, Findings, Monitor, Notice, RaisedSignal, Watch, Watched
from contracts import Decision, StreamSpec, own_event
from graphs.screening import Accepted, Incoming, LeftOut, Screen, unseen
from graphs.segment import decision_event
from graphs.services import GRAPH_VERSION, PackRuntime, Services
from ledger import DeadLetter, Lease, Transaction, record

_log = logging.getLogger("forestall.monitor")


class MonitorState(TypedDict, total=False):
    """Counts only: the batch itself stays in the context, nothing of it is checkpointed."""

    messages: int
    fresh: int
    duplicates: int
    dead: int
    signals: int
    taken: int


@dataclass(slots=True)
class Batch:
    """One micro-batch on its way through the graph.

    It is cut behind the first event that gives an incident something to do: the incident then goes on from the same
    point of event time whatever the size of the batch. `taken` messages from its beginning were dealt with.
    """

    messages: Sequence[Incoming]
    now: int
    advance_to: int | None = None
    fresh: list[Accepted] = field(default_factory=list)
    duplicates: list[Accepted] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    left_out: list[tuple[Incoming, LeftOut]] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)
    taken: int = 0

    def cut_behind(self, last: Accepted) -> None:
        """Leave what comes after `last` for the next batch."""
        places = {message.message_id: place for place, message in enumerate(self.messages)}
        self.taken = end = places[last.message.message_id] + 1
        self.duplicates = [each for each in self.duplicates if places[each.message.message_id] < end]
        self.dead = [each for each in self.dead if places[each.message_id] < end]
        self.left_out = [each for each in self.left_out if places[each[0].message_id] < end]


class StreamMonitor:
    """Watches one stream of one pack. What it has in memory is a copy of the ledger's, reloaded after a failure."""

    def __init__(self, services: Services, pack: PackRuntime, stream: StreamSpec, tenant: str, lease: Lease) -> None:
        self.services, self.pack, self.stream, self.tenant, self.lease = services, pack, stream, tenant, lease
        self.subscription = subscription_name(pack.name, stream.name)
        self.screen = Screen(stream, tenant)
        self._monitor: Monitor | None = None
        self._posted: set[tuple[str, str]] = set()
        self._graph = _build()

    async def take(self, messages: Sequence[Incoming], advance_to: int | None = None) -> MonitorState:
        """Take one batch, or its beginning; `taken` messages are durable when this returns and may be acknowledged.

        `advance_to` (microseconds) also moves the watermark: the stream is idle, or has ended.

        Raises:
            LedgerError: nothing of the batch was written.
        """
        try:
            monitor = await self.restored()
            batch = Batch(messages, self.services.clock.now(), advance_to)
            await self._watch(monitor, batch)
            work = _Work(self, monitor, batch)
            state: MonitorState = await self._graph.ainvoke({"messages": len(messages)}, context=work)
        except BaseException:
            self._monitor = None
            raise
        return state

    async def restored(self) -> Monitor:
        """The monitor as the ledger has it."""
        if self._monitor is None:
            docs = await self.services.ledger.read(lambda tx: tx.docs.monitor(self.pack.name, self.stream.name))
            self._monitor = Monitor(self.pack.manifest, self.stream, self.tenant)
            self._monitor.restore(docs)
            self._posted.clear()
        return self._monitor

    async def _watch(self, monitor: Monitor, batch: Batch) -> None:
        rows = await self.services.ledger.read(lambda tx: tx.incidents.watches(self.pack.name))
        threads = {row[0] for row in rows}
        self._posted = {(thread, ref) for thread, ref in self._posted if thread in threads}
        watched = (
            Watched(thread, measure, detector, key, self._unanswered(thread, Watch.model_validate(doc)))
            for thread, measure, detector, key, doc in rows
        )
        monitor.watch(watched, batch.findings)

    def _unanswered(self, thread: str, watch: Watch) -> Watch:
        """The watch without the looks that were answered: what is looked at later differs, and would be in vain."""
        looks = tuple(at for at in watch.looks if (thread, f"look:{at}") not in self._posted)
        return watch.model_copy(update={"looks": looks})

    def commit(self, tx: Transaction, monitor: Monitor, batch: Batch) -> None:
        """Inbox, monitor state, signals, incidents and mail, all or nothing."""
        tx.leases.fence(self.lease)
        tx.inbox.add(self.subscription, [each.received for each in batch.fresh], batch.now)
        buried = tx.inbox.bury(self.subscription, batch.dead)
        for raised in batch.findings.signals:
            self._raise(tx, raised)
        for look in batch.findings.looks:
            evidence = tx.docs.put_blob(look.evidence.to_json()) if look.evidence else None
            tx.runs.post(look.thread, f"look:{look.at}", {"kind": "look", "at": look.at, "evidence": evidence})
            self._posted.add((look.thread, f"look:{look.at}"))
        for thread, notice in self.news(monitor):
            tx.runs.post(thread, notice.ref, {"kind": notice.kind, **notice.body})
            self._posted.add((thread, notice.ref))
        tx.docs.put_monitor(self.pack.name, self.stream.name, monitor.changed_docs())
        self._count(tx, batch, buried)

    def news(self, monitor: Monitor) -> list[tuple[str, Notice]]:
        """What the watches have to say that was not posted yet."""
        return [(thread, notice) for thread, notice in monitor.notices() if (thread, notice.ref) not in self._posted]

    def _raise(self, tx: Transaction, raised: RaisedSignal) -> None:
        evidence = tx.docs.put_blob(raised.evidence.to_json()) if raised.evidence else None
        signal = raised.signal.model_copy(update={"evidence": evidence})
        routing, manifest = self.services.routing, self.pack.manifest
        how, incident = "noted", f"signal:{signal.id}"
        if raised.opens_incident:
            joined = tx.incidents.open_or_join(signal, manifest.correlation, self.pack.digest, GRAPH_VERSION)
            how, incident = joined.how, joined.incident_id
        event = own_event(
            "signal.raised",
            signal.to_json() | {"how": how},
            about=(signal.id,),
            time=signal.noticed_at,
            incident=incident,
            tenant=self.tenant,
        )
        record(tx, routing, event)
        summary = (
            f"{signal.detector}: {signal.pattern}, {signal.observed:g} where {signal.expected:.3g} were expected"
            f" (score {signal.score:.1f}); {how}"
        )
        decision = Decision(
            incident_id=incident,
            graph="monitor",
            subject=signal.id,
            step=0,
            node="detect",
            summary=summary,
            semantic={"signal": signal.to_json(), "how": how},
            known={"evidence": evidence} if evidence else {},
            at=signal.noticed_at,
            worker=self.services.owner,
        )
        record(tx, routing, decision_event(decision, self.tenant))
        _log.info("%s", summary)

    def _count(self, tx: Transaction, batch: Batch, buried: int) -> None:
        counts: dict[str, int] = {
            "events": len(batch.fresh),
            "duplicates": len(batch.duplicates),
            "dead_letters": buried,
            **Counter(str(why) for _, why in batch.left_out),
            "late": batch.findings.late,
            "keys_refused": batch.findings.keys_refused,
            "panes": batch.findings.panes_closed,
            "signals": len(batch.findings.signals),
        }
        for name, number in counts.items():
            if number:
                tx.docs.count(f"monitor:{self.pack.name}:{name}", number)


@dataclass(frozen=True, slots=True)
class _Work:
    stream: StreamMonitor
    monitor: Monitor
    batch: Batch


async def screen(state: MonitorState, runtime: Runtime[_Work]) -> MonitorState:  # noqa: ARG001
    """What is an event, was not seen before, and can be counted?"""
    work, batch = runtime.context, runtime.context.batch
    accepted: list[Accepted] = []
    for message in batch.messages:
        found = work.stream.screen.read(message, batch.now)
        if isinstance(found, DeadLetter):
            batch.dead.append(found)
        elif isinstance(found, Accepted):
            accepted.append(found)
        else:
            batch.left_out.append((message, found))
    subscription = work.stream.subscription
    received = [each.received for each in accepted]
    known = await work.stream.services.ledger.read(lambda tx: tx.inbox.known(subscription, received))
    batch.fresh, batch.duplicates, reused = unseen(accepted, known, batch.now)
    batch.dead += reused
    batch.taken = len(batch.messages)
    return {"duplicates": len(batch.duplicates)}


async def detect(state: MonitorState, runtime: Runtime[_Work]) -> MonitorState:  # noqa: ARG001
    """Panes, watermark, detectors; one event after the other."""
    work, monitor, batch = runtime.context, runtime.context.monitor, runtime.context.batch
    taken: list[Accepted] = []
    panes = 0
    for each in batch.fresh:
        try:
            monitor.check(each.event, batch.now)
        except EventRefused as problem:
            batch.dead.append(Screen.dead(each.message, problem.code, str(problem), batch.now))
            continue
        taken.append(each)
        monitor.observe(each.event, batch.findings)
        if batch.findings.panes_closed > panes:
            panes = batch.findings.panes_closed
            if batch.findings.signals or batch.findings.looks or work.stream.news(monitor):
                batch.cut_behind(each)
                break
    batch.fresh = taken
    if batch.advance_to is not None:
        monitor.advance(batch.advance_to, batch.findings)
    return {"fresh": len(taken), "signals": len(batch.findings.signals), "taken": batch.taken}


async def commit(state: MonitorState, runtime: Runtime[_Work]) -> MonitorState:  # noqa: ARG001
    """One transaction for all of it; dead letters are told in the log, one line a code."""
    work = runtime.context
    await work.stream.services.ledger.transact("intake", lambda tx: work.stream.commit(tx, work.monitor, work.batch))
    for letter in work.batch.dead[:1]:
        _log.warning("dead letters: %d, first: %s: %s", len(work.batch.dead), letter.code, letter.reason)
    return {"dead": len(work.batch.dead)}


def _build() -> Any:
    graph = StateGraph(MonitorState, context_schema=_Work)
    graph.add_node("screen", screen)
    graph.add_node("detect", detect)
    graph.add_node("commit", commit)
    graph.add_edge(START, "screen")
    graph.add_edge("screen", "detect")
    graph.add_edge("detect", "commit")
    graph.add_edge("commit", END)
    return graph.compile()


def subscription_name(pack: str, topic: str) -> str:
    """The subscription under which a pack reads a topic, and its identity in the inbox."""
    return f"forestall.{pack}:{topic}"
