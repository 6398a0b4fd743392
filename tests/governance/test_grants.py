"""Grants: minted only under an authority that still stands; and the safety catch."""

from decimal import Decimal
from typing import Any

import pytest

from contracts import ApprovalAnswer, digest
from governance import Frozen, Refused, freeze, frozen, mint, mode_of, set_mode, thaw
from ledger import SqliteLedger, Transaction
from tests.governance.builders import NOW, PERSON, command, request, standing
from tools import Grant

STANDING: dict[str, Any] = {"authority": "standing:sta-1"}


async def prepare(ledger: SqliteLedger, status: str = "approved", **of_standing: Any) -> None:
    def work(tx: Transaction) -> None:
        tx.people.ask(request(tenant="default"))
        if status != "open":
            given = ApprovalAnswer(
                request_id="req-1", nonce="n", plan_digest="p", verdict="approved", person=PERSON, answered_at=NOW
            )
            tx.people.close("req-1", status, given)
        tx.people.put_standing(standing(**of_standing))

    await ledger.transact("prepare", work)


async def minted(ledger: SqliteLedger, now: int = NOW, **changes: Any) -> Grant:
    return await ledger.read(lambda tx: mint(tx, command(**changes), now))


async def test_an_approved_request(ledger: SqliteLedger) -> None:
    await prepare(ledger)
    grant = await minted(ledger)
    assert grant == Grant("cmd-1", "valve", digest({"to": "open"}), Decimal(150), NOW + 1_000, "approval:req-1")


@pytest.mark.parametrize("status", ["open", "denied", "expired", "withdrawn"])
async def test_a_request_that_was_not_approved(ledger: SqliteLedger, status: str) -> None:
    await prepare(ledger, status)
    with pytest.raises(Refused, match="cmd-1: request req-1 was not approved"):
        await minted(ledger)


async def test_a_request_of_another_incident(ledger: SqliteLedger) -> None:
    await prepare(ledger)
    with pytest.raises(Refused, match="was not approved"):
        await minted(ledger, incident_id="inc-2")


async def test_a_standing_approval(ledger: SqliteLedger) -> None:
    await prepare(ledger)
    assert (await minted(ledger, **STANDING)).because == "standing:sta-1"


@pytest.mark.parametrize(
    ("of_standing", "of_command", "message"),
    [
        ({"revoked_at": NOW - 1}, {}, "sta-1 was revoked or has expired"),
        ({"expires_at": NOW}, {}, "sta-1 was revoked or has expired"),
        ({"tenant": "other"}, {}, "sta-1 was revoked or has expired"),
        ({"pack": "other"}, {}, "sta-1 was revoked or has expired"),
        ({}, {"authority": "standing:sta-2"}, "sta-2 was revoked or has expired"),
        ({"value_ceiling": Decimal(149)}, {}, "150 is above the standing approval's ceiling"),
        ({}, {"authority": "self:me"}, "authority 'self:me' is of no known kind"),
        ({}, {"authority": ""}, "is of no known kind"),
        ({}, {"deadline": NOW - 1}, "cmd-1: its deadline has passed"),
    ],
)
async def test_leave_that_does_not_stand_any_more(
    ledger: SqliteLedger, of_standing: dict[str, Any], of_command: dict[str, Any], message: str
) -> None:
    await prepare(ledger, **of_standing)
    with pytest.raises(Refused, match=message):
        await minted(ledger, **(STANDING | of_command))


@pytest.mark.parametrize("change", [{"revoked_at": NOW - 1}, {"expires_at": NOW}])
async def test_a_compensation_survives_the_leave_of_what_it_undoes(
    ledger: SqliteLedger, change: dict[str, Any]
) -> None:
    await prepare(ledger, **change)
    assert await minted(ledger, **STANDING, compensates="cmd-0")


async def test_frozen_and_thawed(ledger: SqliteLedger) -> None:
    await prepare(ledger)
    await ledger.transact("freeze", lambda tx: freeze(tx, person=PERSON, reason="fire", now=NOW))
    assert await ledger.read(frozen) == {"person": PERSON, "reason": "fire", "at": NOW}
    for changes in ({}, STANDING, {"compensates": "cmd-0"}):
        with pytest.raises(Frozen, match="frozen by ada: fire; `forestall thaw` lets it go on"):
            await minted(ledger, **changes)
    await ledger.transact("thaw", lambda tx: thaw(tx, person="bob", now=NOW + 1))
    assert await minted(ledger)
    with pytest.raises(Refused, match="nothing is frozen"):
        await ledger.transact("thaw", lambda tx: thaw(tx, person="bob", now=NOW + 2))
    events = await ledger.read(lambda tx: tx.journal.events(type_prefix="forestall.effect"))
    assert [(event.type, event.data["person"]) for event in events] == [
        ("forestall.effect.frozen", PERSON),
        ("forestall.effect.thawed", "bob"),
    ]


async def test_a_packs_mode(ledger: SqliteLedger) -> None:
    assert await ledger.read(lambda tx: mode_of(tx, "plant", "observe")) == "observe"
    await ledger.transact("mode", lambda tx: set_mode(tx, "plant", "act", person=PERSON, now=NOW))
    assert await ledger.read(lambda tx: (mode_of(tx, "plant", "observe"), mode_of(tx, "other", "observe"))) == (
        "act",
        "observe",
    )
