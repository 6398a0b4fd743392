"""Why messages could not be taken: the first few reasons of each code."""

from collections.abc import Mapping

from forestall.backtest.result import DeadLetters
from ledger import Ledger, Transaction

REASONS_KEPT = 3
"""Different reasons of a code."""
LOOKED_AT = 200
"""The latest dead letters that are looked at when their number has grown."""


class Letters:
    """Looks while the run goes on, because the first of a code may be far behind the last."""

    def __init__(self) -> None:
        self._counts: Mapping[str, int] = {}
        self._reasons: dict[str, list[str]] = {}

    async def read(self, ledger: Ledger) -> None:
        """Take in what is new."""
        await ledger.read(self._read)

    def _read(self, tx: Transaction) -> None:
        counts = tx.inbox.dead_letter_count()
        wanted = any(
            number > self._counts.get(code, 0) and len(self._reasons.get(code, ())) < REASONS_KEPT
            for code, number in counts.items()
        )
        self._counts = counts
        if not wanted:
            return
        for letter in reversed(tx.inbox.dead_letters(LOOKED_AT)):
            known = self._reasons.setdefault(letter.code, [])
            if letter.reason not in known and len(known) < REASONS_KEPT:
                known.append(letter.reason)

    def counted(self, tx: Transaction) -> DeadLetters:
        """How many there are in the end, and why."""
        return DeadLetters(tx.inbox.dead_letter_count(), {code: tuple(told) for code, told in self._reasons.items()})
