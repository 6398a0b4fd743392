"""Parts of open panes: whoever closes one sees by their numbers that others came."""

from ledger import SqliteLedger, Transaction

BOUND = 64
PANE = ("measure", 0)


def add(tx: Transaction) -> None:
    tx.panes.add("pack", "stream", "topic#0", {PANE: 1})
    if crowd := tx.panes.crowded("pack", "stream", "topic#0", PANE, BOUND):
        tx.panes.replace(crowd, sum(part.doc for part in crowd))


async def test_parts_put_together_again_are_not_taken_for_those_that_were_read(ledger: SqliteLedger) -> None:
    """Under the first part's number, what came between a pane's reading and its closing was deleted uncounted."""
    for _ in range(BOUND + 1):
        await ledger.transact("intake", add)
    read = await ledger.read(lambda tx: tx.panes.parts("pack", "stream", {"measure": 1}))
    assert [part.doc for part in read] == [BOUND + 1]
    for _ in range(BOUND):
        await ledger.transact("intake", add)
    now = await ledger.read(lambda tx: tx.panes.parts("pack", "stream", {"measure": 1}))
    assert [part.doc for part in now] == [2 * BOUND + 1]
    assert await ledger.read(lambda tx: tx.panes.seqs("pack", "stream", {"measure": 1})) != {part.seq for part in read}
