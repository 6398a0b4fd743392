"""May the plan run? The gate's ruling, and a person's answer."""

from collections.abc import Mapping
from decimal import Decimal

from contracts import ApprovalRequest, Argument, Plan, TrackRecord, stable_id
from governance import mode_of, rule
from graphs.incident.handing_over import hand_over
from graphs.incident.state import IncidentState, Update
from graphs.segment import Segment

APPROVAL_MARGIN = Decimal("1.5")
"""An approved plan may touch this much more than was quoted: the world moves on while a person thinks."""


async def gate(state: IncidentState, segment: Segment) -> Update:
    """Rule on the checked plan; from here on it is frozen."""
    plan = Plan.model_validate(state["plan"])
    manifest = segment.pack.manifest
    mode, standing = await segment.services.ledger.read(
        lambda tx: (
            mode_of(tx, manifest.pack, manifest.mode),
            tx.people.standing(segment.run.tenant, manifest.pack),
        )
    )
    record = TrackRecord.model_validate(state["record"].get(plan.template, {"template": plan.template}))
    verdict = rule(
        plan,
        manifest.autonomy,
        mode=mode,
        standing=standing,
        record=record,
        now=segment.now,
        unquoted=frozenset(tool.name for tool in segment.pack.catalogue if not tool.quoted),
    )
    said = {"alone": "may act alone", "ask": "asks a person", "never": "is for a person", "observe": "only observes"}
    segment.decide(
        "gate",
        f"{said[verdict.ruling]}: {'; '.join(verdict.reasons)}",
        {"ruling": verdict.ruling, "standing": verdict.standing, "plan": plan.digest},
        verdicts=verdict.reasons,
    )
    segment.note(
        "gated", {"ruling": verdict.ruling, "autonomous": verdict.ruling == "alone", "reasons": verdict.reasons}
    )
    if verdict.ruling in ("alone", "ask") and (stale := segment.stale):
        return await hand_over(stale, segment)
    if verdict.ruling == "alone":
        ceiling = next(each.value_ceiling for each in standing if each.id == verdict.standing)
        return {
            "ruling": "alone",
            "authority": f"standing:{verdict.standing}",
            "value_ceiling": str(ceiling),
            "next": "dispatch",
        }
    if verdict.ruling == "ask":
        return {"ruling": "ask", **_ask(plan, verdict.reasons, segment), "phase": "approving", "next": "wait"}
    if verdict.ruling == "observe":
        return {"ruling": "observe", "phase": "observing", "next": "wait"}
    return await hand_over("; ".join(verdict.reasons), segment)


def _ask(plan: Plan, reasons: tuple[str, ...], segment: Segment) -> Update:
    autonomy = segment.pack.manifest.autonomy
    ceiling = (plan.value_at_stake * APPROVAL_MARGIN).quantize(Decimal("0.01"))
    request_id = stable_id("req", segment.run.thread, plan.version, plan.digest)
    calls = "; ".join(f"{task.tool}({_arguments(task.arguments)})" for task in plan.tasks)
    request = ApprovalRequest(
        id=request_id,
        incident_id=segment.run.thread,
        pack=segment.run.pack,
        tenant=segment.run.tenant,
        plan_digest=plan.digest,
        template=plan.template,
        nonce=stable_id("nonce", request_id, plan.digest, segment.now),
        value_at_stake=plan.value_at_stake,
        value_ceiling=ceiling,
        summary=calls,
        reasons=reasons,
        requested_at=segment.now,
        expires_at=segment.now + autonomy.approval_timeout,
    )
    segment.ask(request)
    segment.note("asked", {"request": request_id, "waiting_since": segment.now})
    return {"request": request_id, "value_ceiling": str(ceiling)}


def _arguments(arguments: Mapping[str, Argument]) -> str:
    return ", ".join(f"{name}={argument.value}" for name, argument in arguments.items())


async def answered(state: IncidentState, segment: Segment) -> Update:
    """A person approved or denied."""
    answer = state["mail"]["answer"]
    segment.timers["approval"] = None
    segment.decide("answered", f"{answer['person']} {answer['verdict']} the plan", {"verdict": answer["verdict"]})
    segment.note("answered", {"verdict": answer["verdict"], "answered_by": answer["person"]})
    if answer["verdict"] == "denied":
        reason = f"denied by {answer['person']}" + (f": {answer['note']}" if answer["note"] else "")
        ending = {"status": "denied", "credit": "none", "reason": reason}
        return {"request": None, "ending": ending, "next": "conclude"}
    return {"request": None, "authority": f"approval:{answer['request_id']}", "next": "dispatch"}


async def unanswered(state: IncidentState, segment: Segment) -> Update:
    """Nobody answered in time."""
    if state["request"]:
        segment.expired.append(state["request"])
    segment.decide("unanswered", "nobody answered in time", {"request": state["request"]})
    ending = {"status": "escalated", "credit": "none", "reason": "nobody answered the request for approval in time"}
    return {"request": None, "ending": ending, "next": "conclude"}
