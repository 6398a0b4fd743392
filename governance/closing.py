"""A person takes an incident over and closes it."""

from typing import Literal

from contracts import own_event
from governance.deciding import decide
from governance.errors import NotFound, Refused
from ledger import Routing, Transaction, record

Closing = Literal["asked", "closed"]


def close_incident(tx: Transaction, incident_id: str, *, person: str, now: int, note: str = "") -> Closing:
    """`asked`: the run is still under way and ends itself; `closed`: it had ended as escalated, and is closed now.

    Raises:
        NotFound: there is no such incident.
        Refused: it ended in another way, was closed already, or nobody closes it.
    """
    run, doc = tx.runs.get(incident_id), tx.incidents.get(incident_id)
    if run is None:
        raise NotFound(f"{incident_id}: no such incident; see `forestall incidents`")
    if not person.strip():
        raise Refused("person: empty; say who closes it (--as NAME)")
    summary, semantic = f"{person} closes the incident", {"note": note}
    if run.status != "finished":
        mail = {"kind": "closed", "person": person, "note": note, "at": now}
        if not tx.runs.post(incident_id, "closed", mail):
            raise Refused(f"{incident_id}: was closed already; a running `forestall run` ends it")
        decide(tx, incident_id, incident_id, "close", summary, semantic, now, run.tenant)
        return "asked"
    status = (doc or {}).get("status")
    if status != "escalated":
        raise Refused(f"{incident_id}: ended as {status}; only what was handed to a person is closed by one")
    decide(tx, incident_id, incident_id, "close", summary, semantic, now, run.tenant)
    reason = f"closed by {person}" + (f": {note}" if note else "")
    change = {"status": "closed_by_person", "closed_by": person, "note": note, "reason": reason}
    event = own_event(
        "incident.closed_by_person", change, about=(incident_id,), time=now, incident=incident_id, tenant=run.tenant
    )
    record(tx, Routing(), event)
    return "closed"
