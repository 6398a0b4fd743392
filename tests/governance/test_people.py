"""A person's word on a command, and a person who closes an incident."""

from typing import Any

import pytest

from contracts import Correlation, Outcome
from governance import NotFound, Refused, close_incident, settle
from ledger import Mail, Run, SqliteLedger, Transaction
from tests.governance.builders import NOW, PERSON, command
from tests.ledger.builders import signal


async def opened(ledger: SqliteLedger) -> Run:
    def work(tx: Transaction) -> Run:
        incident = tx.incidents.open_or_join(signal(tenant="acme"), Correlation(), "digest", 1).incident_id
        run = tx.runs.claim("a", NOW)
        assert run is not None
        assert run.thread == incident
        mail = tx.runs.mail(incident)
        assert mail is not None
        tx.runs.consume(mail)
        return run

    return await ledger.transact("open", work)


async def recorded(ledger: SqliteLedger, status: str | None) -> Run:
    """A run with a command in this state."""
    run = await opened(ledger)

    def work(tx: Transaction) -> None:
        made = command(incident_id=run.thread, tenant="acme")
        tx.commands.add(made, "opaque", NOW)
        held = tx.commands.claim(made.id, "a", NOW)
        assert held is not None
        if status is not None:
            values = {"command_id": made.id, "incident_id": run.thread, "status": status}
            tx.commands.record(held, Outcome.model_validate(values))

    await ledger.transact("record", work)
    return run


async def settled(ledger: SqliteLedger, status: str = "succeeded", **changes: Any) -> Outcome:
    values = {"person": PERSON, "now": NOW} | changes
    return await ledger.transact("settle", lambda tx: settle(tx, "cmd-1", status, **values))  # type: ignore[arg-type]


async def mail(ledger: SqliteLedger, run: Run) -> Mail | None:
    return await ledger.read(lambda tx: tx.runs.mail(run.thread))


@pytest.mark.parametrize(
    ("status", "note", "error"),
    [("succeeded", "heard it", None), ("failed", "", "did not happen, says ada"), ("failed", "no air", "no air")],
)
async def test_an_unknown_outcome_is_settled_once(
    ledger: SqliteLedger, status: str, note: str, error: str | None
) -> None:
    run = await recorded(ledger, "unknown")
    outcome = await settled(ledger, status, note=note)
    assert (outcome.status, outcome.error) == (status, error)
    found = await mail(ledger, run)
    assert found is not None
    assert found.body == {"kind": "outcome", "outcome": outcome.to_json()}
    events = await ledger.read(lambda tx: tx.journal.events(incident=run.thread))
    assert [event.type for event in events] == ["forestall.decision.made", "forestall.command.settled"]
    assert {event.tenant for event in events} == {"acme"}
    with pytest.raises(Refused, match=f"cmd-1: is {status}; only an unknown outcome can be settled"):
        await settled(ledger)


@pytest.mark.parametrize(("status", "found"), [(None, "in flight"), ("succeeded", "succeeded"), ("refused", "refused")])
async def test_what_is_known_is_not_settled(ledger: SqliteLedger, status: str | None, found: str) -> None:
    run = await recorded(ledger, status)
    with pytest.raises(Refused, match=f"cmd-1: is {found}"):
        await settled(ledger)
    assert await mail(ledger, run) is None


async def test_nobody_settles_and_nothing_is_settled(ledger: SqliteLedger) -> None:
    with pytest.raises(NotFound, match="cmd-1: no such command"):
        await settled(ledger)
    await recorded(ledger, "unknown")
    with pytest.raises(Refused, match="person: empty"):
        await settled(ledger, person=" ")


async def close(ledger: SqliteLedger, incident: str, person: str = PERSON) -> str:
    return await ledger.transact("close", lambda tx: close_incident(tx, incident, person=person, now=NOW, note="n"))


async def test_a_run_that_is_under_way_ends_itself(ledger: SqliteLedger) -> None:
    run = await opened(ledger)
    assert await close(ledger, run.thread) == "asked"
    found = await mail(ledger, run)
    assert found is not None
    assert found.body == {"kind": "closed", "person": PERSON, "note": "n", "at": NOW}
    with pytest.raises(Refused, match="was closed already"):
        await close(ledger, run.thread)


async def test_what_was_handed_to_a_person_is_closed_by_one(ledger: SqliteLedger) -> None:
    run = await opened(ledger)

    def end(tx: Transaction) -> None:
        tx.incidents.put(run.thread, 0, "escalated", {"id": run.thread, "status": "escalated"})
        tx.runs.finish(run, NOW)

    await ledger.transact("end", end)
    assert await close(ledger, run.thread) == "closed"
    doc = await ledger.read(lambda tx: tx.incidents.get(run.thread))
    assert doc is not None
    assert (doc["status"], doc["reason"]) == ("closed_by_person", "closed by ada: n")
    with pytest.raises(Refused, match="ended as closed_by_person"):
        await close(ledger, run.thread)


async def test_nobody_closes_and_nothing_is_closed(ledger: SqliteLedger) -> None:
    with pytest.raises(NotFound, match="inc-9: no such incident"):
        await close(ledger, "inc-9")
    run = await opened(ledger)
    with pytest.raises(Refused, match="person: empty"):
        await close(ledger, run.thread, " ")
