"""The journal, its views, the outbox, the inbox and the dead letters."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import canonical, decode_event
from ledger import DeadLetter, Routing, SqliteLedger, Transaction, rebuild_views, record
from ledger.inbox import DEAD_LETTER_MAX_BYTES
from ledger.journal import EVENT_MAX_BYTES
from tests.ledger.builders import note


async def test_an_event_is_written_once(ledger: SqliteLedger) -> None:
    def work(tx: Transaction) -> list[int | None]:
        return [tx.journal.append(note(n), ("topic:a",)) for n in (1, 2, 1)]

    assert await ledger.transact("write", work) == [1, 2, None]
    assert [each.time for each in await ledger.read(lambda tx: tx.journal.events())] == [1, 2]
    assert await ledger.read(lambda tx: tx.journal.unsent_count("topic:")) == 2


async def test_events_by_incident_type_and_place(ledger: SqliteLedger) -> None:
    def work(tx: Transaction) -> None:
        for number, (kind, incident) in enumerate([("a.b", "i"), ("a.c", "j"), ("ab.c", "i"), ("a.d", "i")]):
            tx.journal.append(note(number, kind, incident))

    await ledger.transact("write", work)

    def look(tx: Transaction) -> list[list[int]]:
        found = (
            tx.journal.events(incident="i"),
            tx.journal.events(type_prefix="forestall.a."),
            tx.journal.events(incident="i", type_prefix="forestall.a."),
            tx.journal.events(after=2),
            tx.journal.events(limit=1),
        )
        return [[event.time for event in events] for events in found]

    seen = await ledger.read(look)
    assert seen == [[0, 2, 3], [0, 1, 3], [0, 3], [2, 3], [0]]


async def test_no_event_is_too_large_for_the_relay(ledger: SqliteLedger) -> None:
    with pytest.raises(ValueError, match=f"bytes; at most {EVENT_MAX_BYTES}"):
        await ledger.transact("write", lambda tx: tx.journal.append(note(1, text="x" * EVENT_MAX_BYTES)))
    assert await ledger.read(lambda tx: tx.journal.events()) == []


def test_where_events_go() -> None:
    asked = note(1, "approval.requested")
    assert Routing().of(asked.type) == ("topic:forestall.approvals",)
    assert Routing(webhook=True).of(asked.type) == ("topic:forestall.approvals", "webhook")
    assert Routing(webhook=True).of(note(1, "command.issued").type) == ("topic:forestall.commands",)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 3)),
        st.tuples(st.just("lose"), st.integers(1, 3)),
        st.tuples(st.just("send"), st.integers(1, 4)),
    ),
    max_size=25,
)


class Lost(Exception):
    pass


@settings(max_examples=25)
@given(STEPS)
async def test_the_outbox_has_no_gaps_and_passes_no_row_over(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    """Numbers follow the commits without a gap, stay what they are, and every row is sent once, in order."""
    ledger = SqliteLedger(tmp_path_factory.mktemp("outbox") / "ledger.db")
    written, sent = 0, []
    for kind, size in [*steps, ("send", 1000)]:
        if kind in ("write", "lose"):

            def write(tx: Transaction, first: int = written, size: int = size, lose: bool = kind == "lose") -> None:
                for each in range(first, first + size):
                    tx.journal.append(note(each), ("topic:a", "webhook"))
                if lose:
                    raise Lost

            try:
                await ledger.transact("write", write)
                written += size
            except Lost:
                pass
        else:
            rows = await ledger.read(lambda tx, size=size: tx.journal.unsent("topic:", size))  # type: ignore[misc]
            await ledger.transact("sent", lambda tx, rows=rows: tx.journal.mark_sent(rows, 1))  # type: ignore[misc]
            sent += [(row.seq, decode_event(row.payload).time, row.destination) for row in rows]
    left = await ledger.read(lambda tx: (tx.journal.unsent_count("topic:"), tx.journal.unsent_count("webhook")))
    await ledger.close()
    assert sent == [(number + 1, number, "topic:a") for number in range(written)]
    assert left == (0, written)


async def test_views_are_rebuilt_from_the_journal(ledger: SqliteLedger) -> None:
    changes: list[tuple[str, str, dict[str, Any]]] = [
        ("i1", "opened", {"status": "open", "opened_at": 5, "plan": {"a": [1]}}),
        ("i2", "opened", {"status": "open", "opened_at": 3}),
        ("i1", "planned", {"lane": "recall"}),
        ("i1", "closed", {"status": "resolved", "plan": None}),
    ]

    def work(tx: Transaction) -> None:
        for number, (incident, what, data) in enumerate(changes):
            assert record(tx, Routing(), note(number, f"incident.{what}", incident, **data))
        assert not record(tx, Routing(), note(3, "incident.closed", "i1", status="never"))
        record(tx, Routing(), note(9, "decision.made", "i1", status="no view"))

    await ledger.transact("write", work)
    live = await ledger.read(lambda tx: tx.incidents.all())
    assert [(doc["id"], doc["status"]) for doc in live] == [("i2", "open"), ("i1", "resolved")]
    await ledger.transact("spoil", lambda tx: tx.incidents.put("i1", 1, "wrong", {"id": "wrong"}))
    assert await ledger.transact("rebuild", rebuild_views) == len(changes)
    assert canonical(await ledger.read(lambda tx: tx.incidents.all())) == canonical(live)


def letter(number: int, payload: bytes = b"{}") -> DeadLetter:
    return DeadLetter("pumps", f"m{number}", "malformed", "no JSON; mend the sender", payload, number, len(payload))


async def test_a_dead_letter_is_kept_once_and_cut(ledger: SqliteLedger) -> None:
    long = letter(2, b"x" * (DEAD_LETTER_MAX_BYTES + 1))
    assert await ledger.transact("bury", lambda tx: tx.inbox.bury("s", [letter(1), letter(1), long])) == 2
    assert await ledger.transact("bury", lambda tx: tx.inbox.bury("s", [letter(1), letter(3)])) == 1
    assert await ledger.transact("bury", lambda tx: tx.inbox.bury("t", [letter(1)])) == 1, "of another subscription"
    found = await ledger.read(lambda tx: tx.inbox.dead_letters(limit=3))
    assert [each.message_id for each in found] == ["m1", "m3", "m2"]
    assert (len(found[2].payload), found[2].size) == (DEAD_LETTER_MAX_BYTES, DEAD_LETTER_MAX_BYTES + 1)
    assert await ledger.read(lambda tx: tx.inbox.dead_letter_count()) == {"malformed": 4}
