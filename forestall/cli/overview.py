"""What there is to know of a home at this moment, as data."""

from dataclasses import dataclass, field
from typing import Any

from contracts import DEFAULT_TENANT, to_iso
from forestall.cli.controls import packs_seen
from forestall.cli.screen import not_taken
from forestall.neighbours import shared_with_strangers
from forestall.reflexes import reflexes_in
from forestall.trace import tools_of
from governance import frozen
from ledger import Run, Transaction

PRUNER = "pruner"
"""Held between two rounds of pruning: who has it need not be there."""
PERSON = "a person"
"""How the incident graph says that it waits for one."""


@dataclass(slots=True)
class Overview:
    """Instants are RFC 3339, for a program to read; `needs` says what a person is asked to do, with the command."""

    now: str
    frozen: dict[str, Any] | None
    needs: list[dict[str, str]] = field(default_factory=list)
    running: list[dict[str, Any]] = field(default_factory=list)
    incidents: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    commands: list[dict[str, Any]] = field(default_factory=list)
    modes: list[dict[str, Any]] = field(default_factory=list)
    standing_approvals: list[dict[str, Any]] = field(default_factory=list)
    reflexes: list[dict[str, Any]] = field(default_factory=list)
    dead_letters: dict[str, int] = field(default_factory=dict)
    dead_letters_unseen: dict[str, int] = field(default_factory=dict)
    late: int = 0
    outbox: int = 0
    broker: dict[str, Any] | None = None


def overview(tx: Transaction, now: int, option: str = "", tenant: str = DEFAULT_TENANT) -> Overview:
    """Read everything in the ledger on one snapshot; `option` is what a command needs to find this home."""
    found = Overview(to_iso(now), _frozen(tx))
    docs = {doc["id"]: doc for doc in tx.incidents.all()}
    found.running = [
        {"what": lease.name, "owner": lease.owner, "lease_until": to_iso(lease.until)}
        for lease in tx.leases.all()
        if lease.until >= now and lease.name != PRUNER
    ]
    found.incidents = [_incident(run, docs.get(run.thread, {})) for run in tx.runs.unfinished()]
    found.requests = _requests(tx)
    found.commands = [
        {
            "id": row.command.id,
            "incident": row.command.incident_id,
            "tool": row.command.tool,
            "status": row.status,
            "held": found.frozen is not None,
            "attempts": row.attempts,
            "owner": row.owner,
            "since": to_iso(row.created_at),
        }
        for row in tx.commands.open()
    ]
    found.modes = _modes(tx)
    found.standing_approvals = [
        {
            "id": each.id,
            "pack": each.pack,
            "template": each.template,
            "value_ceiling": str(each.value_ceiling),
            "granted_by": each.granted_by,
            "expires_at": to_iso(each.expires_at),
        }
        for each in tx.people.standing()
        if each.holds(now)
    ]
    found.reflexes = reflexes_in(tx, now, tenant)
    found.dead_letters = tx.inbox.dead_letter_count()
    found.dead_letters_unseen = tx.inbox.dead_letter_count(unseen=True)
    found.late = sum(
        n for name, n in tx.docs.counters().items() if name.startswith("monitor:") and name.endswith(":late")
    )
    found.outbox = tx.journal.unsent_count()
    found.needs = _needs(found, docs, option) + shared_with_strangers(tx, now)
    return found


def _frozen(tx: Transaction) -> dict[str, Any] | None:
    stop = frozen(tx)
    return None if stop is None else {**stop, "at": to_iso(stop["at"])}


def _incident(run: Run, doc: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": run.thread,
        "pack": run.pack,
        "opened_at": to_iso(run.opened_at),
        "summary": doc.get("summary", "just opened"),
        "waits_for": run.waiting_for if run.status == "waiting" else None,
        "waits_since": to_iso(run.waiting_since) if run.status == "waiting" and run.waiting_since else None,
    }


def _requests(tx: Transaction) -> list[dict[str, Any]]:
    return [
        {
            "id": row.request.id,
            "incident": row.request.incident_id,
            "would": row.request.summary,
            "value_at_stake": str(row.request.value_at_stake),
            "value_ceiling": str(row.request.value_ceiling),
            "reasons": list(row.request.reasons),
            "asked_at": to_iso(row.request.requested_at),
            "expires_at": to_iso(row.request.expires_at),
        }
        for row in tx.people.requests(status="open")
    ]


def _modes(tx: Transaction) -> list[dict[str, Any]]:
    """The mode that a person set; None: what the pack declares holds."""
    modes = []
    for pack in sorted(packs_seen(tx)):
        switch = tx.docs.switch(f"mode:{pack}")
        modes.append(
            {
                "pack": pack,
                "mode": switch["mode"] if switch else None,
                "set_by": switch["person"] if switch else None,
                "set_at": to_iso(switch["at"]) if switch else None,
            }
        )
    return modes


def _needs(found: Overview, docs: dict[str, dict[str, Any]], option: str) -> list[dict[str, str]]:
    needs = [
        {"what": f"{each['incident']} waits for an approval", "do": f"forestall approve {each['incident']}"}
        for each in found.requests
    ]
    for each in found.incidents:
        command = docs.get(each["id"], {}).get("unsettled")
        if command and PERSON in (each["waits_for"] or ""):
            what = f"{each['id']} waits for a word on {command}"
            needs.append({"what": what, "do": f"forestall settle {command} succeeded|failed"})
    needs += [
        {"what": f"{doc['id']} was handed over: {doc['reason']}{tools_of(doc)}", "do": f"forestall close {doc['id']}"}
        for doc in docs.values()
        if doc.get("status") == "escalated" and doc.get("closed_at")
    ]
    if found.frozen is not None:
        needs.append({"what": "all effects are frozen", "do": "forestall thaw"})
    if found.dead_letters_unseen:
        needs.append({"what": not_taken(found.dead_letters_unseen), "do": "forestall dead-letters"})
    return [{"what": each["what"], "do": each["do"] + option} for each in needs]
