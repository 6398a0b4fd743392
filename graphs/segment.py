"""A segment: what a graph does between two waits. It is buffered here and committed in one transaction."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.monitoring import Watch
from contracts import (
    DAY,
    HOUR,
    ApprovalRequest,
    Command,
    Decision,
    Effect,
    Event,
    ModelUse,
    own_event,
    stable_id,
)
from graphs.services import PackRuntime, Services
from ledger import Run, Transaction, record


@dataclass(slots=True)
class Segment:
    """Effects of a run's nodes, none of which has happened before `commit`.

    `now` is the clock's, for deadlines and timers; `event_now` is how far the pack's streams have come in event time,
    for all that concerns the measure: in a replay the two lie years apart.
    """

    run: Run
    services: Services
    now: int
    event_now: int
    step: int = 0
    events: list[Event] = field(default_factory=list)
    commands: list[tuple[Command, Effect]] = field(default_factory=list)
    requests: list[ApprovalRequest] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    expired: list[str] = field(default_factory=list)
    timers: dict[str, int | None] = field(default_factory=dict)
    watched: tuple[str, str, str, Watch] | None = None
    finished_at: int | None = None

    @property
    def pack(self) -> PackRuntime:
        return self.services.packs[self.run.pack]

    @property
    def stale(self) -> str | None:
        """Why nothing may be carried out now, when the stream lies too far behind the clock; else None."""
        lag = self.now - self.event_now
        if lag <= self.pack.manifest.autonomy.max_lag:
            return None
        told = f"{lag // DAY} days" if lag >= 2 * DAY else f"{lag // HOUR} hours"
        return f"the stream is {told} behind the clock: what it tells of is over, acting would come too late"

    @property
    def moment(self) -> int:
        """Now, as the measure's own time knows it: the clock's, but for a stream that lies far behind it."""
        return self.event_now if self.stale else self.now

    def decide(
        self,
        node: str,
        summary: str,
        semantic: Mapping[str, Any],
        *,
        known: Mapping[str, str] | None = None,
        alternatives: tuple[dict[str, Any], ...] = (),
        confidence: float | None = None,
        verdicts: tuple[str, ...] = (),
        model: ModelUse | None = None,
    ) -> None:
        """Record one step of the reasoning."""
        decision = Decision(
            incident_id=self.run.thread,
            graph="incident",
            subject=self.run.thread,
            step=self.step,
            node=node,
            summary=summary,
            semantic=dict(semantic),
            known=dict(known or {}),
            alternatives=alternatives,
            confidence=confidence,
            verdicts=verdicts,
            model=model,
            at=self.now,
            worker=self.services.owner,
        )
        self.events.append(decision_event(decision, self.run.tenant))
        self.step += 1

    def note(self, what: str, change: Mapping[str, Any]) -> None:
        """`forestall.incident.<what>`: a change to the incident's view."""
        about = (self.run.thread, what, self.step)
        self.events.append(self._event(f"incident.{what}", change, about))

    def tell(self, kind: str, data: Mapping[str, Any], *about: object) -> None:
        """Another event of this incident."""
        self.events.append(self._event(kind, data, (self.run.thread, *about)))

    def _event(self, kind: str, data: Mapping[str, Any], about: tuple[object, ...]) -> Event:
        return own_event(kind, data, about=about, time=self.now, incident=self.run.thread, tenant=self.run.tenant)

    def dispatch(self, command: Command, effect: Effect) -> None:
        self.commands.append((command, effect))
        self.tell("command.issued", command.to_json(), command.id)

    def ask(self, request: ApprovalRequest) -> None:
        self.requests.append(request)
        self.timers["approval"] = request.expires_at
        self.tell("approval.requested", request.to_json(), request.id)

    def watch(self, signal: Mapping[str, Any], watch: Watch) -> None:
        self.watched = (signal["measure"], signal["detector"], signal["key"], watch)

    async def once(self, key: str, ask: Callable[[], Awaitable[Any]]) -> Any:
        """The first answer (JSON) that a model or a tool gave under this key, kept at once: a segment that runs again
        after a crash reads the same."""
        name = f"{self.run.thread}:{key}"
        kept = await self.services.ledger.read(lambda tx: tx.docs.memo(name))
        if kept is not None:
            return kept
        answer = await ask()
        return await self.services.ledger.transact("memo", lambda tx: tx.docs.keep_memo(name, answer))

    def commit(self, tx: Transaction) -> None:
        """Write everything.

        Raises:
            Fenced: the run was claimed by somebody else meanwhile.
        """
        tx.runs.fence(self.run)
        for event in self.events:
            record(tx, self.services.routing, event)
        for command, effect in self.commands:
            tx.commands.add(command, effect, self.now)
        for request in self.requests:
            tx.people.ask(request)
        for status, names in (("withdrawn", self.withdrawn), ("expired", self.expired)):
            for name in names:
                tx.people.close(name, status)
        for ref, due in self.timers.items():
            if due is None:
                tx.runs.clear_timer(self.run.thread, ref)
            else:
                tx.runs.set_timer(self.run.thread, ref, due)
        if self.watched is not None:
            measure, detector, key, watch = self.watched
            tx.incidents.watch(self.run.thread, self.run.pack, measure, detector, key, watch.to_json())
        if self.finished_at is not None:
            tx.runs.finish(self.run, self.finished_at)


def decision_event(decision: Decision, tenant: str) -> Event:
    """A decision as an event; the same step of the same subject is written once."""
    about = (decision.incident_id, decision.graph, decision.subject, decision.step)
    return own_event(
        "decision.made",
        decision.to_json(),
        about=about,
        time=decision.at,
        incident=decision.incident_id,
        tenant=tenant,
    )


def decision_id(incident_id: str, graph: str, subject: str, step: int) -> str:
    """The id that `decision_event` gives."""
    return stable_id("ev", "forestall.decision.made", incident_id, graph, subject, step)
