"""A home's reflexes: noted by the service that watches with them, so that they can be told without their pack."""

from decimal import Decimal
from typing import Any

from contracts import Autonomy, AutonomyRule, PackManifest, Reflex, Where, to_iso
from governance import frozen, last_act, mode_of, rule_on_reflex
from ledger import Transaction

NOTE = "reflexes:"
OUTCOMES = ("act", "observe", "refused", "repeated", "stale")
"""What may become of an event that a reflex heeds."""


def note_reflexes(tx: Transaction, manifest: PackManifest) -> None:
    """Keep a pack's reflexes as they are loaded now."""
    if not manifest.reflexes and tx.docs.switch(NOTE + manifest.pack) is None:
        return
    autonomy = manifest.autonomy
    note = {
        "mode": manifest.mode,
        "currency": autonomy.currency,
        "rules": [rule.to_json() for rule in autonomy.rules],
        "reflexes": [
            {
                "name": each.name,
                "template": manifest.reflex_template(each),
                "tool": each.tool,
                "rule": in_words(each),
                "valued": each.value is not None,
            }
            for each in manifest.reflexes
        ],
    }
    tx.docs.set_switch(NOTE + manifest.pack, note)


def reflexes_in(tx: Transaction, now: int, tenant: str) -> list[dict[str, Any]]:
    """Every reflex that was noted: its rule, what it may do now and why, how often it did what, and when it acted last.

    `lacks_leave`: all that is missing for it to act is a person's standing approval.
    `may`: `act` (up to `up_to`, until `until`), `observe`, or `refused`.
    """
    notes = {name.removeprefix(NOTE): doc for name, doc in tx.docs.switches().items() if name.startswith(NOTE)}
    return [
        _reflex(tx, pack, note, each, now, tenant) for pack, note in sorted(notes.items()) for each in note["reflexes"]
    ]


def _reflex(
    tx: Transaction, pack: str, note: dict[str, Any], noted: dict[str, Any], now: int, tenant: str
) -> dict[str, Any]:
    leaves = tx.people.standing(tenant, pack)
    rules = tuple(AutonomyRule.model_validate(rule) for rule in note["rules"])
    verdict = rule_on_reflex(
        noted["template"],
        noted["tool"],
        Decimal(0),
        Autonomy(currency=note["currency"], rules=rules),
        mode=mode_of(tx, pack, note["mode"]),
        frozen=frozen(tx) is not None,
        standing=leaves,
        now=now,
        grant_as=f"{pack}/{noted['name']}",
    )
    valid = [each for each in leaves if each.template == noted["template"] and each.holds(now)]
    leave = max(valid, key=lambda each: each.value_ceiling) if verdict.ruling == "act" else None
    acted_at = last_act(tx, pack, noted["name"])
    return {
        "pack": pack,
        "name": noted["name"],
        "template": noted["template"],
        "rule": noted["rule"],
        "may": verdict.ruling,
        "reason": verdict.reason,
        "valued": noted["valued"],
        "lacks_leave": verdict.ruling == "refused"
        and frozen(tx) is None
        and not valid
        and _alone(rules, noted["tool"]),
        "up_to": None if leave is None else str(leave.value_ceiling),
        "until": None if leave is None else to_iso(leave.expires_at),
        "counts": {what: tx.docs.counter(f"reflex:{pack}:{noted['name']}:{what}") for what in OUTCOMES},
        "acted_at": None if acted_at is None else to_iso(acted_at),
    }


def _alone(rules: tuple[AutonomyRule, ...], tool: str) -> bool:
    found = next((rule for rule in rules if rule.tool == tool), None)
    return found is not None and found.may == "alone"


def in_words(reflex: Reflex) -> str:
    """`block_card(card=$card) for payment.refused where reason is stolen`."""
    arguments = ", ".join(f"{name}={value}" for name, value in reflex.arguments.items())
    tests = " and ".join(map(_test, reflex.where))
    return f"{reflex.tool}({arguments}) for {', '.join(reflex.of)}" + (f" where {tests}" if tests else "")


def _test(where: Where) -> str:
    if where.prefix is not None:
        return f"{where.field} begins with {where.prefix}"
    return f"{where.field} is " + (" or ".join(map(str, where.one_of)) if where.one_of else str(where.equals))
