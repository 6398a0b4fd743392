"""May a reflex act? Asked in the transaction that takes the event, so the answer is never older than the act."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from contracts import DEFAULT_TENANT, Autonomy, StandingApproval, stable_id
from governance.deciding import give_standing
from governance.errors import Refused
from governance.switches import Mode
from ledger import Transaction

ReflexRuling = Literal["act", "observe", "refused"]


@dataclass(frozen=True, slots=True)
class ReflexVerdict:
    """The ruling with its reason. `authority` is what allows the act: `standing:<standing approval>`."""

    ruling: ReflexRuling
    reason: str
    authority: str = ""


def rule_on_reflex(
    template: str,
    tool: str,
    value: Decimal,
    autonomy: Autonomy,
    *,
    mode: Mode,
    frozen: bool,
    standing: Iterable[StandingApproval],
    now: int,
    grant_as: str = "PACK/REFLEX",
) -> ReflexVerdict:
    """Nobody looks on when a reflex acts. So it needs all of: a rule that says `alone` and covers the value, a person's
    standing approval for the reflex that covers the value, mode `act`, and no freeze. `grant_as`: its name
    for the person."""
    found = next((each for each in autonomy.rules if each.tool == tool and _covers(each.up_to, value)), None)
    if found is None or found.may != "alone":
        said = "no rule covers it" if found is None else f"the pack's table says {found.may}"
        return ReflexVerdict("refused", f"{tool} at {value} {autonomy.currency}: {said}; a reflex needs `may: alone`")
    if mode == "observe":
        return ReflexVerdict("observe", "the pack is in observe: it says what it would do and does nothing")
    if frozen:
        return ReflexVerdict("refused", "all effects are frozen; `forestall thaw` lets them go on")
    leaves = tuple(standing)
    named = [each for each in leaves if each.template == template]
    valid = [each for each in named if each.holds(now)]
    covering = sorted((each for each in valid if value <= each.value_ceiling), key=lambda each: each.id)
    if covering:
        return ReflexVerdict("act", f"standing approval by {covering[0].granted_by}", f"standing:{covering[0].id}")
    if valid:
        return ReflexVerdict("refused", f"{value} {autonomy.currency} is above every standing approval for {template}")
    lapsed = "was revoked or has expired" if named else "was never given"
    if not named and any(each.template.partition(":")[0] == template.partition(":")[0] for each in leaves):
        lapsed = "is needed anew: the rule was changed since one was given"
    remedy = f"`forestall grant {grant_as} --up-to AMOUNT` gives one"
    return ReflexVerdict("refused", f"a standing approval for {template} {lapsed}; {remedy}")


def _covers(up_to: Decimal | None, value: Decimal) -> bool:
    return up_to is None or value <= up_to


def note_act(tx: Transaction, pack: str, reflex: str, now: int) -> None:
    """It acted: how often is counted, when it did last is kept."""
    tx.docs.set_switch(f"reflex:{pack}:{reflex}", {"acted_at": now})


def last_act(tx: Transaction, pack: str, reflex: str) -> int | None:
    """When a reflex acted last (microseconds); None: never yet."""
    found = tx.docs.switch(f"reflex:{pack}:{reflex}")
    return found["acted_at"] if found else None


def grant_reflex(
    tx: Transaction,
    pack: str,
    template: str,
    *,
    value_ceiling: Decimal,
    expires_at: int,
    person: str,
    now: int,
    tenant: str = DEFAULT_TENANT,
) -> StandingApproval:
    """A person's leave for a reflex: no incident comes before it, so the person answers for the rule itself.

    Raises:
        Refused: nobody grants it, or the ceiling or the expiry makes no sense.
    """
    if not person.strip():
        raise Refused("person: empty; say who grants it (--as NAME)")
    if not value_ceiling.is_finite() or value_ceiling < 0 or expires_at <= now:
        raise Refused(f"value ceiling {value_ceiling}, expiry {expires_at}: must not be below 0, and in the future")
    granted = StandingApproval(
        id=stable_id("sta", tenant, pack, template, now),
        pack=pack,
        tenant=tenant,
        template=template,
        value_ceiling=value_ceiling,
        granted_by=person,
        granted_at=now,
        expires_at=expires_at,
        because_of=stable_id("rfx", tenant, pack, template),
    )
    give_standing(tx, granted, now)
    return granted
