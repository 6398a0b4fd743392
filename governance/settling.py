"""A person's word on a command of which nobody else can say whether it happened."""

from typing import Literal

from contracts import Outcome, own_event
from governance.deciding import decide
from governance.errors import NotFound, Refused
from ledger import Routing, Transaction, record

Settled = Literal["succeeded", "failed"]


def settle(tx: Transaction, command_id: str, status: Settled, *, person: str, now: int, note: str = "") -> Outcome:
    """Record what a person found out; the incident goes on from there.

    Raises:
        NotFound: there is no such command.
        Refused: its outcome is known or still to come, or nobody says so.
    """
    row = tx.commands.get(command_id)
    if row is None:
        raise NotFound(f"{command_id}: no such command; see `forestall status`")
    if not person.strip():
        raise Refused("person: empty; say who settles it (--as NAME)")
    if row.outcome is None or row.outcome.status != "unknown":
        found = row.outcome.status if row.outcome else "in flight"
        raise Refused(f"{command_id}: is {found}; only an unknown outcome can be settled")
    command = row.command
    error = None if status == "succeeded" else note or f"did not happen, says {person}"
    outcome = Outcome(command_id=command.id, incident_id=command.incident_id, status=status, error=error)
    tx.commands.settle(command.id, outcome)
    summary = f"{person} says that {command.tool} {status}"
    semantic = {"command": command.id, "status": status, "note": note}
    decide(tx, command.incident_id, command.id, "settle", summary, semantic, now, command.tenant)
    event = own_event(
        "command.settled",
        outcome.to_json() | {"tool": command.tool, "person": person, "note": note},
        about=(command.id,),
        time=now,
        incident=command.incident_id,
        tenant=command.tenant,
    )
    record(tx, Routing(), event)
    mail = {"kind": "outcome", "outcome": outcome.to_json()}
    tx.runs.post(command.incident_id, f"settled:{command.id}", mail)
    return outcome
