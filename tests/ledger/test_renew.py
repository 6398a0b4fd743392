"""A run's lease is held on while a segment takes long."""

from pathlib import Path

import pytest

from ledger import LEASE_MICROS, Fenced, Run, SqliteLedger, Transaction


def _add(tx: Transaction) -> None:
    tx.runs.add(Run("inc-1", "default", "shop", "all", "d", 1, "runnable", 0, 0, None, None, None, None, 0, 0))


async def test_a_renewed_lease_outlasts_its_length_and_is_fenced(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "ledger.db")
    await ledger.transact("add", _add)
    mine = await ledger.transact("claim", lambda tx: tx.runs.claim("a", 0))
    assert mine is not None
    await ledger.transact("renew", lambda tx: tx.runs.renew(mine, LEASE_MICROS))
    assert await ledger.transact("claim", lambda tx: tx.runs.claim("b", LEASE_MICROS + 1)) is None
    theirs = await ledger.transact("claim", lambda tx: tx.runs.claim("b", 2 * LEASE_MICROS + 1))
    assert theirs is not None
    with pytest.raises(Fenced):
        await ledger.transact("renew", lambda tx: tx.runs.renew(mine, 3 * LEASE_MICROS))
    await ledger.close()
