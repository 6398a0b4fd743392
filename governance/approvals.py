"""People's answers and standing approvals, each one operation of the ledger."""

from decimal import Decimal
from typing import Literal

from contracts import ApprovalAnswer, StandingApproval, own_event, stable_id
from governance.deciding import announce_standing, decide, give_standing
from governance.errors import NotFound, Refused
from ledger import ApprovalRow, Routing, Transaction, record


def find_request(tx: Transaction, name: str) -> ApprovalRow:
    """The open request with this id, or the open one of the incident with this id.

    Raises:
        NotFound: there is none; the message says which are open.
        Refused: there is one, and it was answered, withdrawn or has expired.
    """
    rows = [row for row in tx.people.requests() if name in (row.request.id, row.request.incident_id)]
    waiting = [row for row in rows if row.status == "open"]
    if waiting:
        return waiting[0]
    if rows:
        raise Refused(f"{name}: the request is {rows[-1].status}; there is nothing to answer")
    known = [row.request.incident_id for row in tx.people.requests(status="open")]
    raise NotFound(f"{name}: no approval is asked for under that name; open: {', '.join(known) or 'none'}")


def answer(
    tx: Transaction,
    request: ApprovalRow,
    verdict: Literal["approved", "denied"],
    *,
    nonce: str,
    plan_digest: str,
    person: str,
    now: int,
    note: str = "",
) -> ApprovalAnswer:
    """Take a person's answer, once.

    Raises:
        Refused: the answer is late, a replay, for another plan, or nobody's.
    """
    asked = request.request
    if not person.strip():
        raise Refused("person: empty; say who answers (--as NAME)")
    if nonce != asked.nonce or plan_digest != asked.plan_digest:
        raise Refused(f"{asked.id}: the answer is for another plan; read `forestall status` and answer again")
    if now >= asked.expires_at:
        raise Refused(f"{asked.id}: the request has expired; the incident is in a person's hands")
    given = ApprovalAnswer(
        request_id=asked.id,
        nonce=nonce,
        plan_digest=plan_digest,
        verdict=verdict,
        person=person,
        answered_at=now,
        note=note,
    )
    if not tx.people.close(asked.id, verdict, given):
        raise Refused(f"{asked.id}: was answered already")
    semantic: dict[str, object] = {"verdict": verdict, "note": note}
    said = f"{person} {verdict} the plan"
    decide(tx, asked.incident_id, asked.id, "answer", said, semantic, now, asked.tenant)
    event = own_event(
        f"approval.{'granted' if verdict == 'approved' else 'denied'}",
        given.to_json(),
        about=(asked.id,),
        time=now,
        incident=asked.incident_id,
        tenant=asked.tenant,
    )
    record(tx, Routing(), event)
    tx.runs.post(asked.incident_id, f"answer:{asked.id}", {"kind": "answer", "answer": given.to_json()})
    return given


def grant_standing(
    tx: Transaction,
    incident_id: str,
    *,
    value_ceiling: Decimal,
    expires_at: int,
    person: str,
    now: int,
) -> StandingApproval:
    """Leave to act alone on this incident's template from now on.

    Raises:
        NotFound: there is no such incident.
        Refused: it did not end as `resolved` by an approved plan, or the ceiling or the expiry makes no sense.
    """
    if not person.strip():
        raise Refused("person: empty; say who grants it (--as NAME)")
    doc = tx.incidents.get(incident_id)
    if doc is None:
        raise NotFound(f"{incident_id}: no such incident; see `forestall incidents`")
    if doc.get("status") != "resolved" or doc.get("credit") != "success" or not doc.get("template"):
        ended = f"is {doc.get('status')}, credit {doc.get('credit', 'none')}"
        raise Refused(f"{incident_id}: {ended}; a standing approval follows a success")
    if not value_ceiling.is_finite() or value_ceiling <= 0 or expires_at <= now:
        raise Refused(f"value ceiling {value_ceiling}, expiry {expires_at}: must be above 0 and in the future")
    granted = StandingApproval(
        id=stable_id("sta", doc["tenant"], doc["pack"], doc["template"], incident_id),
        pack=doc["pack"],
        tenant=doc["tenant"],
        template=doc["template"],
        value_ceiling=value_ceiling,
        granted_by=person,
        granted_at=now,
        expires_at=expires_at,
        because_of=incident_id,
    )
    give_standing(tx, granted, now)
    return granted


def revoke_standing(tx: Transaction, standing_id: str, *, person: str, now: int) -> StandingApproval:
    """Take a standing approval back; plans under way that rest on it are refused at their next command.

    Raises:
        NotFound: there is no such standing approval.
    """
    for standing in tx.people.standing():
        if standing.id == standing_id:
            revoked = standing.model_copy(update={"revoked_at": now})
            tx.people.put_standing(revoked)
            announce_standing(tx, "revoked", revoked, now, person)
            return revoked
    raise NotFound(f"{standing_id}: no such standing approval; see `forestall status`")
