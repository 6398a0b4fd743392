"""Two processes on one file: leases, runs and commands have one owner, and whoever lost them writes nothing."""

import pytest

from contracts import SECOND
from ledger import Claim, Fenced, SqliteLedger, Transaction
from ledger.commands import CLAIM_MICROS
from ledger.runs import LEASE_MICROS
from tests.ledger.builders import claim, command, open_run, outcome

CLAIMED_FOR = 2 * 600 * SECOND + CLAIM_MICROS


async def test_a_lease_has_one_owner_until_it_runs_out(ledger: SqliteLedger, other: SqliteLedger) -> None:
    first = await ledger.transact("lease", lambda tx: tx.leases.acquire("relay", "a", 0, 10))
    assert first is not None
    assert await other.transact("lease", lambda tx: tx.leases.acquire("relay", "b", 10, 10)) is None
    second = await other.transact("lease", lambda tx: tx.leases.acquire("relay", "b", 11, 10))
    assert second is not None
    assert second.epoch == first.epoch + 1
    for use in (lambda tx: tx.leases.fence(first), lambda tx: tx.leases.renew(first, 12, 10)):
        with pytest.raises(Fenced, match="lease relay: taken by somebody else since epoch 1"):
            await ledger.transact("work", use)
    await ledger.transact("lease", lambda tx: tx.leases.release(first))
    assert (await ledger.read(lambda tx: tx.leases.all())) == [second], "a stale release takes nothing from its owner"


async def test_the_owners_own_name_takes_over_at_once(ledger: SqliteLedger) -> None:
    before = await ledger.transact("lease", lambda tx: tx.leases.acquire("relay", "a", 0, 10))
    after = await ledger.transact("lease", lambda tx: tx.leases.acquire("relay", "a", 1, 10))
    assert before is not None
    assert after is not None
    with pytest.raises(Fenced):
        await ledger.read(lambda tx: tx.leases.fence(before))
    renewed = await ledger.transact("lease", lambda tx: tx.leases.renew(after, 5, 10))
    assert (renewed.epoch, renewed.until) == (after.epoch, 15)
    await ledger.transact("lease", lambda tx: tx.leases.release(renewed))
    assert await ledger.transact("lease", lambda tx: tx.leases.acquire("relay", "b", 6, 10)) is not None


async def test_a_fenced_transaction_writes_nothing(ledger: SqliteLedger) -> None:
    stale = await ledger.transact("lease", lambda tx: tx.leases.acquire("x", "a", 0, 10))
    await ledger.transact("lease", lambda tx: tx.leases.acquire("x", "b", 11, 10))
    assert stale is not None

    def work(tx: Transaction) -> None:
        tx.docs.count("written", 1)
        tx.leases.fence(stale)

    with pytest.raises(Fenced):
        await ledger.transact("work", work)
    assert await ledger.read(lambda tx: tx.docs.counters()) == {}


async def test_a_run_has_one_owner_until_its_lease_runs_out(ledger: SqliteLedger, other: SqliteLedger) -> None:
    await ledger.transact("open", open_run)
    stale = await ledger.transact("claim", claim)
    held = 10 + LEASE_MICROS
    assert await other.transact("claim", lambda tx: tx.runs.claim("b", held)) is None
    taken = await other.transact("claim", lambda tx: tx.runs.claim("b", held + 1))
    assert taken is not None
    assert (taken.epoch, taken.attempts) == (stale.epoch + 1, 2)
    for use in (
        lambda tx: tx.runs.fence(stale),
        lambda tx: tx.runs.retry_at(stale, 0),
        lambda tx: tx.runs.leave(stale, 0),
    ):
        with pytest.raises(Fenced, match=f"run {stale.thread}: claimed by somebody else since epoch 1"):
            await ledger.transact("work", use)
    assert await ledger.read(lambda tx: tx.runs.get(stale.thread)) == taken


async def test_a_restarted_owner_has_its_run_at_once_and_attempts_count(ledger: SqliteLedger) -> None:
    await ledger.transact("open", open_run)
    claimed = [await ledger.transact("claim", claim) for _ in range(3)]
    assert [run.attempts for run in claimed] == [1, 2, 3]
    await ledger.transact("leave", lambda tx: tx.runs.leave(claimed[-1], 50))
    assert await ledger.transact("claim", lambda tx: tx.runs.claim("a", 49)) is None
    again = await ledger.transact("claim", lambda tx: claim(tx, "b", 50))
    assert again.attempts == 3, "what was left untouched does not count"

    def suspend(tx: Transaction) -> None:
        mail = tx.runs.mail(again.thread)
        assert mail is not None
        tx.runs.consume(mail)
        tx.runs.suspend(again, "x", 60)

    await ledger.transact("suspend", suspend)
    run = await ledger.read(lambda tx: tx.runs.get(again.thread))
    assert run is not None
    assert (run.status, run.attempts, run.owner, run.waiting_for) == ("waiting", 0, None, "x")


async def take(ledger: SqliteLedger, owner: str, now: int) -> Claim | None:
    return await ledger.transact("claim", lambda tx: tx.commands.claim("cmd-1", owner, now))


async def test_a_command_is_claimed_by_one_and_recorded_once(ledger: SqliteLedger, other: SqliteLedger) -> None:
    made = command()
    assert await ledger.transact("add", lambda tx: tx.commands.add(made, "keyed", 0)) is True
    assert await ledger.transact("add", lambda tx: tx.commands.add(made, "keyed", 0)) is False
    stale = await take(ledger, "a", 0)
    assert stale is not None
    assert (stale.attempts, stale.interrupted) == (1, False)
    assert await take(other, "b", CLAIMED_FOR) is None
    assert await other.read(lambda tx: tx.commands.next_ready("b", CLAIMED_FOR)) is None
    taken = await take(other, "b", CLAIMED_FOR + 1)
    assert taken is not None
    assert (taken.epoch, taken.attempts, taken.interrupted) == (2, 2, True)
    for use in (
        lambda tx: tx.commands.record(stale, outcome(made)),
        lambda tx: tx.commands.release(stale, 0, doubtful=False),
    ):
        with pytest.raises(Fenced, match="command cmd-1: claimed by somebody else since epoch 1"):
            await ledger.transact("work", use)
    await other.transact("record", lambda tx: tx.commands.record(taken, outcome(made)))
    with pytest.raises(Fenced):
        await other.transact("record", lambda tx: tx.commands.record(taken, outcome(made, "failed")))
    assert await take(ledger, "a", 10 * CLAIMED_FOR) is None
    row = await ledger.read(lambda tx: tx.commands.get("cmd-1"))
    assert row is not None
    assert (row.status, row.outcome) == ("done", outcome(made))


async def test_a_command_that_takes_longer_is_held_longer(ledger: SqliteLedger, other: SqliteLedger) -> None:
    made = command(timeout_s=7_200)
    await ledger.transact("add", lambda tx: tx.commands.add(made, "reconcilable", 0))
    await take(ledger, "a", 0)
    assert await take(other, "b", 7_200 * SECOND) is None


async def test_a_restarted_owner_learns_that_it_was_interrupted(ledger: SqliteLedger) -> None:
    await ledger.transact("add", lambda tx: tx.commands.add(command(), "keyed", 0))
    await take(ledger, "a", 0)
    again = await take(ledger, "a", 1)
    assert again is not None
    assert again.interrupted is True


@pytest.mark.parametrize(("doubtful", "interrupted"), [(False, False), (True, True)])
async def test_what_was_given_back_in_doubt_stays_in_doubt(
    ledger: SqliteLedger, doubtful: bool, interrupted: bool
) -> None:
    await ledger.transact("add", lambda tx: tx.commands.add(command(), "keyed", 0))
    first = await take(ledger, "a", 0)
    assert first is not None
    await ledger.transact("release", lambda tx: tx.commands.release(first, 30, doubtful=doubtful))
    assert await ledger.read(lambda tx: tx.commands.next_ready("b", 29)) is None
    assert await ledger.read(lambda tx: tx.commands.next_ready("b", 30)) == first.command
    second = await take(ledger, "b", 30)
    assert second is not None
    assert (second.interrupted, second.attempts) == (interrupted, 2)
    await ledger.transact("release", lambda tx: tx.commands.release(second, 30, doubtful=interrupted, counted=False))
    third = await take(ledger, "b", 31)
    assert third is not None
    assert (third.interrupted, third.attempts) == (interrupted, 2)


async def test_a_pack_that_is_not_here_stands_in_nobodys_way(ledger: SqliteLedger) -> None:
    await ledger.transact("add", lambda tx: tx.commands.add(command(1, pack="away"), "keyed", 0))
    await ledger.transact("add", lambda tx: tx.commands.add(command(2), "keyed", 1))
    assert await ledger.read(lambda tx: tx.commands.next_ready("a", 5, ["plant"])) == command(2)


async def test_settling_is_for_what_nobody_could_say(ledger: SqliteLedger) -> None:
    made = command()
    await ledger.transact("add", lambda tx: tx.commands.add(made, "opaque", 0))

    def settle(tx: Transaction) -> bool:
        return tx.commands.settle(made.id, outcome(made, "succeeded"))

    assert await ledger.transact("settle", settle) is False
    held = await take(ledger, "a", 0)
    assert held is not None
    await ledger.transact("record", lambda tx: tx.commands.record(held, outcome(made, "unknown")))
    assert await ledger.transact("settle", settle) is True
    assert await ledger.transact("settle", settle) is False
    assert await ledger.transact("settle", lambda tx: tx.commands.settle("cmd-9", outcome(made))) is False
