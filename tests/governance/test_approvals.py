"""Answers that count once, and standing approvals that follow a success."""

from decimal import Decimal
from typing import Any

import pytest

from contracts import ApprovalAnswer, Correlation, Decision
from governance import NotFound, Refused, answer, find_request, grant_standing, revoke_standing
from ledger import SqliteLedger, Transaction
from tests.governance.builders import NOW, PERSON, request
from tests.ledger.builders import signal


async def asked(ledger: SqliteLedger) -> str:
    """An open request of an incident's run; returns the incident."""

    def ask(tx: Transaction) -> str:
        opened = tx.incidents.open_or_join(signal(tenant="acme"), Correlation(), "digest", 1)
        tx.people.ask(request(incident_id=opened.incident_id))
        return opened.incident_id

    return await ledger.transact("ask", ask)


async def give(ledger: SqliteLedger, verdict: str = "approved", **changes: Any) -> ApprovalAnswer:
    values = {"nonce": "nonce-1", "plan_digest": "plan-1", "person": PERSON, "now": NOW} | changes

    def work(tx: Transaction) -> ApprovalAnswer:
        (row,) = tx.people.requests()
        return answer(tx, row, verdict, **values)  # type: ignore[arg-type]

    return await ledger.transact("answer", work)


async def traces(ledger: SqliteLedger) -> tuple[list[str], list[str], str]:
    """(our events, the mail's refs, the request's status)."""

    def look(tx: Transaction) -> tuple[list[str], list[str], str]:
        events = [event.type.removeprefix("forestall.") for event in tx.journal.events()]
        rows = tx.runs._db.execute("SELECT ref FROM mailbox ORDER BY id").fetchall()
        return events, [ref for (ref,) in rows], tx.people.requests()[0].status

    return await ledger.read(look)


@pytest.mark.parametrize(("verdict", "verb"), [("approved", "granted"), ("denied", "denied")])
async def test_an_answer_is_recorded_told_and_posted(ledger: SqliteLedger, verdict: str, verb: str) -> None:
    incident = await asked(ledger)
    given = await give(ledger, verdict, note="go")
    assert (given.verdict, given.person, given.answered_at) == (verdict, PERSON, NOW)
    events, mail, status = await traces(ledger)
    assert events == ["decision.made", f"approval.{verb}"]
    assert (mail[-1], status) == ("answer:req-1", verdict)
    recorded = await ledger.read(lambda tx: tx.journal.events(incident=incident))
    assert {event.tenant for event in recorded} == {"acme"}
    decision = Decision.model_validate(recorded[0].data)
    assert (decision.graph, decision.semantic) == ("person", {"verdict": verdict, "note": "go"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"now": NOW + 10}, "req-1: the request has expired"),
        ({"nonce": "nonce-0"}, "req-1: the answer is for another plan"),
        ({"plan_digest": "plan-0"}, "req-1: the answer is for another plan"),
        ({"person": ""}, "person: empty; say who answers"),
        ({"person": " \t"}, "person: empty; say who answers"),
    ],
)
async def test_an_answer_that_does_not_count(ledger: SqliteLedger, change: dict[str, Any], message: str) -> None:
    await asked(ledger)
    before = await traces(ledger)
    with pytest.raises(Refused, match=message):
        await give(ledger, **change)
    assert await traces(ledger) == before
    assert await give(ledger), "and the request is still open"


async def test_an_answer_counts_once(ledger: SqliteLedger) -> None:
    await asked(ledger)
    await give(ledger)
    before = await traces(ledger)
    for verdict in ("approved", "denied"):
        with pytest.raises(Refused, match="req-1: was answered already"):
            await give(ledger, verdict)
    assert await traces(ledger) == before


async def test_finding_a_request(ledger: SqliteLedger) -> None:
    with pytest.raises(NotFound, match="no approval is asked for under that name; open: none"):
        await ledger.read(lambda tx: find_request(tx, "req-1"))
    incident = await asked(ledger)
    for name in ("req-1", incident):
        row = await ledger.read(lambda tx, name=name: find_request(tx, name))  # type: ignore[misc]
        assert row.request.id == "req-1"
    with pytest.raises(NotFound, match=f"open: {incident}"):
        await ledger.read(lambda tx: find_request(tx, "inc-9"))
    await give(ledger)
    with pytest.raises(Refused, match=f"{incident}: the request is approved; there is nothing to answer"):
        await ledger.read(lambda tx: find_request(tx, incident))


async def ended(ledger: SqliteLedger, **doc: Any) -> None:
    whole = {"id": "inc-1", "tenant": "acme", "pack": "plant", "template": "relieve@1"}
    whole |= {"status": "resolved", "credit": "success"} | doc
    await ledger.transact("end", lambda tx: tx.incidents.put("inc-1", 0, whole["status"], whole))


async def grant(ledger: SqliteLedger, **changes: Any) -> Any:
    values = {"value_ceiling": Decimal(500), "expires_at": NOW + 10, "person": PERSON, "now": NOW} | changes
    return await ledger.transact("grant", lambda tx: grant_standing(tx, "inc-1", **values))  # type: ignore[arg-type]


async def test_a_standing_approval_follows_a_success(ledger: SqliteLedger) -> None:
    await ended(ledger)
    granted = await grant(ledger)
    assert (granted.template, granted.tenant, granted.because_of) == ("relieve@1", "acme", "inc-1")
    assert await ledger.read(lambda tx: tx.people.standing("acme", "plant")) == [granted]
    assert await ledger.read(lambda tx: tx.people.standing("other", "plant")) == []
    events = await ledger.read(lambda tx: tx.journal.events())
    assert {(event.type, event.tenant) for event in events} == {
        ("forestall.standing_approval.granted", "acme"),
        ("forestall.decision.made", "acme"),
    }


async def test_every_grant_is_a_decision_of_its_own(ledger: SqliteLedger) -> None:
    await ended(ledger)
    await grant(ledger)
    await grant(ledger, value_ceiling=Decimal(900), now=NOW + 1)
    decisions = await ledger.read(lambda tx: tx.journal.events(type_prefix="forestall.decision.made"))
    assert [event.data["semantic"]["ceiling"] for event in decisions] == ["500", "900"]


@pytest.mark.parametrize(
    ("status", "credit"),
    [
        *((status, "success") for status in ("open", "escalated", "denied", "observed", "recovered_alone")),
        ("resolved", "none"),  # the measure recovered, but not by what was done
    ],
)
async def test_nothing_else_is_followed_by_one(ledger: SqliteLedger, status: str, credit: str) -> None:
    await ended(ledger, status=status, credit=credit)
    message = f"inc-1: is {status}, credit {credit}; a standing approval follows a success"
    with pytest.raises(Refused, match=message):
        await grant(ledger)
    assert await ledger.read(lambda tx: tx.people.standing()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value_ceiling": Decimal(0)}, "must be above 0 and in the future"),
        ({"value_ceiling": Decimal("NaN")}, "must be above 0 and in the future"),
        ({"value_ceiling": Decimal("Infinity")}, "must be above 0 and in the future"),
        ({"expires_at": NOW}, "must be above 0 and in the future"),
        ({"person": " "}, "person: empty; say who grants it"),
    ],
)
async def test_a_standing_approval_that_makes_no_sense(
    ledger: SqliteLedger, change: dict[str, Any], message: str
) -> None:
    await ended(ledger)
    with pytest.raises(Refused, match=message):
        await grant(ledger, **change)


async def test_no_such_incident_or_standing_approval(ledger: SqliteLedger) -> None:
    with pytest.raises(NotFound, match="inc-1: no such incident"):
        await grant(ledger)
    with pytest.raises(NotFound, match="sta-9: no such standing approval"):
        await ledger.transact("revoke", lambda tx: revoke_standing(tx, "sta-9", person=PERSON, now=NOW))


async def test_a_revoked_one_stays_revoked_and_tells_who(ledger: SqliteLedger) -> None:
    await ended(ledger)
    granted = await grant(ledger)
    await ledger.transact("revoke", lambda tx: revoke_standing(tx, granted.id, person="bob", now=NOW + 1))
    (found,) = await ledger.read(lambda tx: tx.people.standing())
    assert found.revoked_at == NOW + 1
    events = await ledger.read(lambda tx: tx.journal.events(type_prefix="forestall.standing_approval.revoked"))
    assert [event.data["revoked_by"] for event in events] == ["bob"]
