"""A person's decisions and leaves, recorded like any other."""

from collections.abc import Mapping
from typing import Any, Literal

from contracts import DEFAULT_TENANT, Decision, StandingApproval, own_event
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


def announce_standing(
    tx: Transaction, verb: Literal["granted", "revoked"], standing: StandingApproval, now: int, person: str = ""
) -> None:
    """Tell that a standing approval was given or, by `person`, taken back."""
    event = own_event(
        f"standing_approval.{verb}",
        standing.to_json() | ({"revoked_by": person} if person else {}),
        about=(standing.id, verb, now),
        time=now,
        incident=standing.because_of,
        tenant=standing.tenant,
    )
    record(tx, Routing(), event)


def give_standing(tx: Transaction, granted: StandingApproval, now: int) -> None:
    """Keep a standing approval, tell of it, and record it as a decision of whoever granted it."""
    again = any(each.id == granted.id for each in tx.people.standing())
    tx.people.put_standing(granted)
    announce_standing(tx, "granted", granted, now)
    summary = f"{granted.granted_by} lets {granted.template} run alone up to {granted.value_ceiling}"
    semantic = {
        "template": granted.template,
        "ceiling": str(granted.value_ceiling),
        "expires_at": granted.expires_at,
    }
    subject = f"{granted.id}:{now}" if again else granted.id  # each word of a person is a decision of its own
    decide(tx, granted.because_of, subject, "answer", summary, semantic, now, granted.tenant)
