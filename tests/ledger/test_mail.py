"""A run's mail, timers and checkpoints."""

from ledger import SqliteLedger, Transaction
from tests.ledger.builders import claim, open_run


async def test_mail_arrives_once_a_ref_and_in_order(ledger: SqliteLedger) -> None:
    thread = await ledger.transact("open", open_run)

    def post(tx: Transaction) -> list[bool]:
        return [tx.runs.post(thread, ref, {"kind": "look", "n": n}) for n, ref in enumerate(("b", "a", "b"))]

    assert await ledger.transact("post", post) == [True, True, False]
    read = []
    for _ in range(3):
        mail = await ledger.read(lambda tx: tx.runs.mail(thread))
        assert mail is not None
        read.append((mail.ref, mail.body.get("n")))
        await ledger.transact("consume", lambda tx, mail=mail: tx.runs.consume(mail))  # type: ignore[misc]
    assert read == [("signal:sig-all-0", None), ("b", 0), ("a", 1)]
    assert await ledger.transact("post", lambda tx: tx.runs.post(thread, "a", {})) is False, "nor after it was read"
    assert await ledger.read(lambda tx: tx.runs.mail(thread)) is None


async def suspend(ledger: SqliteLedger, *, late_mail: bool) -> str:
    """Suspend after the first mail; `late_mail` arrives between the claim and the commit."""
    thread = await ledger.transact("open", open_run)
    run = await ledger.transact("claim", claim)
    first = await ledger.read(lambda tx: tx.runs.mail(thread))
    assert first is not None
    if late_mail:
        await ledger.transact("post", lambda tx: tx.runs.post(thread, "late", {"kind": "closed"}))

    def commit(tx: Transaction) -> None:
        tx.runs.consume(first)
        tx.runs.suspend(run, "something", 20)

    await ledger.transact("commit", commit)
    found = await ledger.read(lambda tx: tx.runs.get(thread))
    assert found is not None
    return found.status


async def test_mail_that_came_meanwhile_is_not_slept_through(ledger: SqliteLedger) -> None:
    assert await suspend(ledger, late_mail=True) == "runnable"


async def test_without_mail_a_run_waits_and_mail_wakes_it(ledger: SqliteLedger) -> None:
    assert await suspend(ledger, late_mail=False) == "waiting"
    (run,) = await ledger.read(lambda tx: tx.runs.unfinished())
    assert await ledger.transact("claim", lambda tx: tx.runs.claim("a", 99)) is None
    await ledger.transact("post", lambda tx: tx.runs.post(run.thread, "x", {}))
    assert await ledger.transact("claim", lambda tx: tx.runs.claim("a", 99)) is not None


async def test_a_finished_run_is_pruned_and_never_moves_again(ledger: SqliteLedger) -> None:
    thread = await ledger.transact("open", open_run)
    run = await ledger.transact("claim", claim)

    def finish(tx: Transaction) -> None:
        tx.runs.save(thread, 1, {"a": 1})
        tx.runs.set_timer(thread, "approval", 5)
        tx.incidents.watch(thread, "plant", "pressure", "burst", "all", {})
        tx.runs.finish(run, 30)
        tx.runs.post(thread, "late", {})

    await ledger.transact("finish", finish)
    left = await ledger.read(
        lambda tx: (tx.runs.checkpoint(thread), tx.runs.next_due(), tx.incidents.watches("plant"), tx.runs.unfinished())
    )
    assert left == (None, None, [], [])
    assert await ledger.transact("claim", lambda tx: tx.runs.claim("a", 10**15)) is None


async def test_timers_become_mail_once(ledger: SqliteLedger) -> None:
    thread = await ledger.transact("open", open_run)

    def arrange(tx: Transaction) -> None:
        tx.runs.set_timer(thread, "approval", 100)
        tx.runs.set_timer(thread, "approval", 50)
        tx.runs.set_timer(thread, "other", 60)
        tx.runs.set_timer(thread, "cleared", 40)
        tx.runs.clear_timer(thread, "cleared")

    await ledger.transact("timers", arrange)
    assert await ledger.read(lambda tx: tx.runs.next_due()) == 50
    assert [await ledger.transact("fire", lambda tx, t=t: tx.runs.fire_due(t)) for t in (49, 50, 50, 99, 99)] == [  # type: ignore[misc]
        0, 1, 0, 1, 0,
    ]  # fmt: skip
    assert await ledger.read(lambda tx: tx.runs.next_due()) is None


async def test_the_last_checkpoint_counts(ledger: SqliteLedger) -> None:
    for number in (1, 2, 10):
        doc = {"n": number}
        await ledger.transact("save", lambda tx, n=number, doc=doc: tx.runs.save("t", n, doc))  # type: ignore[misc]
    assert await ledger.read(lambda tx: tx.runs.checkpoint("t")) == (10, {"n": 10})
