"""Faults on purpose, placed by wrapping the ledger's protocol: a crash before or after any commit, and lost claims.

A commit point is a call of `transact`, numbered from 1 in the order of the calls. A crash *before* it loses the
transaction, a crash *after* it loses whatever the process meant to do next, such as the answer to its caller.
"""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Literal, NoReturn, TypeVar

from ledger import Claim, Commands, Ledger, Transaction

Answer = TypeVar("Answer")
When = Literal["before", "after"]


class Crash(BaseException):
    """The process is gone. No `except Exception` survives it, just as none survives `kill -9`."""


def crash() -> NoReturn:
    """A crash within this process. Real processes die by a signal instead."""
    raise Crash


class CountingLedger:
    """A `Ledger` that passes everything on and keeps the label of every commit point in `labels`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.labels: list[str] = []

    async def transact(self, label: str, work: Callable[[Transaction], Answer]) -> Answer:
        """See `Ledger.transact`."""
        self.labels.append(label)
        return await self._ledger.transact(label, work)

    async def read(self, work: Callable[[Transaction], Answer]) -> Answer:
        """See `Ledger.read`."""
        return await self._ledger.read(work)

    @property
    def commits(self) -> int:
        """See `Ledger.commits`."""
        return self._ledger.commits

    async def changed(self, since: int, timeout_s: float) -> bool:
        """See `Ledger.changed`."""
        return await self._ledger.changed(since, timeout_s)

    async def close(self) -> None:
        """Close the ledger within."""
        await self._ledger.close()


class CrashingLedger(CountingLedger):
    """Calls `crash` before or after the commit point with number `at`; 0 never crashes.

    `crash` does not return. Where it raises, the process counts as dead: every later call of this ledger calls `crash`
    again, so that what still runs on the way out (a lease given back, a message returned) changes nothing.
    """

    def __init__(self, ledger: Ledger, at: int, when: When, crash: Callable[[], NoReturn] = crash) -> None:
        super().__init__(ledger)
        self._at, self._when, self._crash = at, when, crash
        self.crashed = False

    async def transact(self, label: str, work: Callable[[Transaction], Answer]) -> Answer:
        """See `Ledger.transact`; may crash."""
        self._alive()
        meant = len(self.labels) + 1 == self._at
        if meant and self._when == "before":
            self.labels.append(label)
            self._die()
        try:
            return await super().transact(label, work)
        finally:  # whether it was written, or refused and about to be tried again
            self._alive()  # another task may have died while this one committed
            if meant:
                self._die()

    async def read(self, work: Callable[[Transaction], Answer]) -> Answer:
        """See `Ledger.read`; a dead process reads nothing."""
        self._alive()
        return await super().read(work)

    def _alive(self) -> None:
        if self.crashed:
            self._crash()

    def _die(self) -> NoReturn:
        self.crashed = True
        self._crash()


class ForgetfulClaims(CountingLedger):
    """The control: claims do not say that an earlier one was interrupted, so that nobody looks before calling again."""

    async def transact(self, label: str, work: Callable[[Transaction], Answer]) -> Answer:
        """See `Ledger.transact`."""
        return await super().transact(label, lambda tx: work(_forgetful(tx)))


class _ForgetfulCommands(Commands):
    def claim(self, command_id: str, owner: str, now: int) -> Claim | None:
        found = super().claim(command_id, owner, now)
        return None if found is None else replace(found, interrupted=False)


def _forgetful(tx: Transaction) -> Transaction:
    twin = copy.copy(tx)
    twin.commands = _ForgetfulCommands(tx.commands._db)
    return twin
