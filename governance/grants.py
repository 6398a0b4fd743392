"""Minting the grant without which no tool runs."""

from contracts import Command, StandingApproval, digest
from governance.errors import Frozen, Refused
from governance.switches import frozen
from ledger import Transaction
from tools import Grant


def mint(tx: Transaction, command: Command, now: int) -> Grant:
    """Check a command's authority as it stands now, and grant one call.

    Raises:
        Frozen: all effects are frozen.
        Refused: the approval was not given, the standing approval is gone, or the deadline has passed.
    """
    if (stop := frozen(tx)) is not None:
        raise Frozen(f"frozen by {stop['person']}: {stop['reason']}; `forestall thaw` lets it go on")
    if now > command.deadline:
        raise Refused(f"{command.id}: its deadline has passed")
    kind, _, name = command.authority.partition(":")
    if kind == "approval":
        _approved(tx, command, name)
    elif kind == "standing":
        # A compensation undoes what was allowed: it must not fail because the leave ran out meanwhile.
        if command.compensates is None:
            _still_standing(tx, command, name, now)
    else:
        raise Refused(f"{command.id}: authority {command.authority!r} is of no known kind")
    return Grant(
        command_id=command.id,
        tool=command.tool,
        arguments_digest=digest(command.arguments),
        value_ceiling=command.value_ceiling,
        expires_at=command.deadline,
        because=command.authority,
    )


def _approved(tx: Transaction, command: Command, request_id: str) -> None:
    for row in tx.people.requests(incident=command.incident_id):
        if row.request.id == request_id and row.status == "approved":
            return
    raise Refused(f"{command.id}: request {request_id} was not approved")


def _still_standing(tx: Transaction, command: Command, standing_id: str, now: int) -> None:
    found: list[StandingApproval] = [
        each for each in tx.people.standing(command.tenant, command.pack) if each.id == standing_id
    ]
    if not found or found[0].revoked_at is not None or now >= found[0].expires_at:
        raise Refused(f"{command.id}: standing approval {standing_id} was revoked or has expired")
    if command.value_ceiling > found[0].value_ceiling:
        raise Refused(f"{command.id}: {command.value_ceiling} is above the standing approval's ceiling")
