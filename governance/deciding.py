"""A person's decision, recorded like any other."""

from collections.abc import Mapping
from typing import Any

from contracts import DEFAULT_TENANT, Decision, own_event
from ledger import Routing, Transaction, record


def decide(
    tx: Transaction,
    incident_id: str,
    subject: str,
    node: str,
    summary: str,
    semantic: Mapping[str, Any],
    now: int,
    tenant: str = DEFAULT_TENANT,
) -> None:
    """Record what a person decided about `subject`, once."""
    decision = Decision(
        incident_id=incident_id,
        graph="person",
        subject=subject,
        step=0,
        node=node,
        summary=summary,
        semantic=dict(semantic),
        at=now,
    )
    about = (incident_id, "person", subject, 0)
    event = own_event("decision.made", decision.to_json(), about=about, time=now, incident=incident_id, tenant=tenant)
    record(tx, Routing(), event)
