"""From the ledger of the play to what it found."""

from collections.abc import Mapping
from typing import Any

from contracts import DAY, Autonomy, Plan, Signal, StandingApproval, Task, TrackRecord
from forestall.backtest.result import Explained, Incident, May, Step, Told, WouldDo
from governance import rule
from graphs import PackRuntime
from ledger import Transaction

SIGNAL = "forestall.signal.raised"
DECISION = "forestall.decision.made"
HANDED_OVER = "observe"
"""The node that says, in observe, that a person would get it."""
RECOVERED = ("resolved", "recovered_alone", "observed")
_MAY: Mapping[str, May] = {"alone": "alone", "ask": "approve", "never": "never"}
ALL_AT_ONCE = 100_000


def signals_of(tx: Transaction) -> tuple[Told, ...]:
    """Every signal, in the order of event time, with what became of it."""
    told = []
    for event in tx.journal.events(type_prefix=SIGNAL, limit=ALL_AT_ONCE):
        data = dict(event.data)
        how = str(data.pop("how"))
        incident = event.correlation_id if how in ("opened", "joined", "suppressed") else None
        told.append(Told(Signal.model_validate(data), how, incident))
    return tuple(sorted(told, key=lambda each: (each.signal.noticed_at, each.signal.id)))


def incidents_of(tx: Transaction, pack: PackRuntime) -> tuple[Incident, ...]:
    """Every incident, in the order of opening."""
    return tuple(_incident(tx, doc, pack) for doc in tx.incidents.all() if doc.get("signal"))


def _incident(tx: Transaction, doc: Mapping[str, Any], pack: PackRuntime) -> Incident:
    closed, status = doc.get("closed_at"), doc["status"]
    return Incident(
        id=doc["id"],
        opened_at=doc["opened_at"],
        closed_at=closed,
        recovered_at=closed if status in RECOVERED else None,
        status=status,
        reason=doc.get("reason"),
        signal=Signal.model_validate(doc["signal"]),
        explained=_explained(doc.get("explanation")),
        would_do=_would_do(tx, doc, pack),
    )


def _explained(found: Mapping[str, Any] | None) -> Explained:
    if found is None:
        return Explained("none", "insufficient", "insufficient: the history ended before it could be said", (), None)
    causes = tuple(found.get("causes", ()))
    kind: Any = {"broad": "broad", "insufficient": "none"}.get(found["verdict"], "none")
    if causes:
        kind = "pair" if len(causes[0]["attributes"]) > 1 else "single"
    share = causes[0]["excess_share"] if causes else None
    return Explained(kind, found["verdict"], found["summary"], causes, share)


def _would_do(tx: Transaction, doc: Mapping[str, Any], pack: PackRuntime) -> WouldDo | None:
    """What the gate of a pack that acts would have said; None where it never came so far."""
    autonomy = pack.manifest.autonomy
    if not doc.get("plan"):
        decisions = [event.data for event in tx.journal.events(incident=doc["id"], type_prefix=DECISION)]
        handed = [each["semantic"]["reason"] for each in decisions if each["node"] == HANDED_OVER]
        return WouldDo("person", None, (), None, autonomy.currency, tuple(handed)) if handed else None
    plan = Plan.model_validate(doc["plan"])
    verdict = rule(
        plan,
        autonomy,
        mode="act",
        standing=(),
        record=TrackRecord(template=plan.template),  # nothing acts here, so nothing was ever credited
        now=doc["opened_at"],
        unquoted=_unquoted(pack),
    )
    return WouldDo(
        ruling=_MAY[verdict.ruling],
        template=plan.template,
        steps=tuple(_step(task, plan, autonomy, pack) for task in plan.tasks),
        value_at_stake=str(plan.value_at_stake),
        currency=autonomy.currency,
        reasons=verdict.reasons,
    )


def _unquoted(pack: PackRuntime) -> frozenset[str]:
    return frozenset(tool.name for tool in pack.catalogue if not tool.quoted)


def _step(task: Task, plan: Plan, autonomy: Autonomy, pack: PackRuntime) -> Step:
    """What the table alone says of this tool: asked of the gate with all the evidence and leave there could be."""
    alone = plan.model_copy(update={"tasks": (task,)})
    leave = StandingApproval(
        id="backtest",
        tenant="default",
        pack=pack.name,
        template=plan.template,
        value_ceiling=plan.value_at_stake,
        granted_by="backtest",
        granted_at=0,
        expires_at=DAY,
        because_of="backtest",
    )
    record = TrackRecord(template=plan.template, successes=10**6)
    verdict = rule(alone, autonomy, mode="act", standing=(leave,), record=record, now=0, unquoted=_unquoted(pack))
    arguments = {name: argument.value for name, argument in task.arguments.items()}
    return Step(task.tool, arguments, _MAY[verdict.ruling])
