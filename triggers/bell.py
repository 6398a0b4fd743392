"""The bell of a worker: it wakes the loops when something was committed, and for good when it is time to stop."""

import asyncio

from ledger import Ledger

GIVE_WAY_S = 0.002
"""A commit wakes the eager at once and the others a little later: commands are sent before anybody else has a look."""
IDLE_WAIT_S = 1.0
"""It rings at every commit, and at least this often, for timers and leases."""


class _Line:
    """Those that are woken together. The count says whether it rang since somebody listened last."""

    def __init__(self) -> None:
        self.count = 0
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self.count += 1
        self._rung.set()
        self._rung = asyncio.Event()

    async def beyond(self, count: int) -> None:
        if self.count <= count:
            await self._rung.wait()


class Bell:
    """One task listens to the ledger for all loops. To wait costs a loop no task of its own."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self._seen = ledger, ledger.commits
        self._eager, self._others = _Line(), _Line()
        self._later: asyncio.TimerHandle | None = None
        self._stopped = False

    def heard(self, *, eager: bool = False) -> int:
        """What `rings` is asked with: taken before a look that may be in vain, so that no commit is missed."""
        return self._line(eager).count

    async def rings(self, heard: int, *, eager: bool = False) -> None:
        """Wait until it rings again; not at all once it has stopped."""
        if not self._stopped:
            await self._line(eager).beyond(heard)

    async def listen(self, stop: asyncio.Event) -> None:
        """Ring until `stop` is set.

        Raises:
            LedgerError: the ledger cannot be listened to.
        """
        stopping, listening = asyncio.create_task(stop.wait()), asyncio.create_task(self._listen())
        try:
            await asyncio.wait({stopping, listening}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._fall_silent()
            for task in (stopping, listening):
                task.cancel()
            await asyncio.gather(stopping, listening, return_exceptions=True)
        if not listening.cancelled():
            listening.result()

    async def _listen(self) -> None:
        while True:
            await self._ledger.changed(self._seen, IDLE_WAIT_S)
            self._seen = self._ledger.commits
            self._eager.ring()
            if self._later is None:
                self._later = asyncio.get_running_loop().call_later(GIVE_WAY_S, self._ring_for_others)

    def _ring_for_others(self) -> None:
        self._later = None
        self._others.ring()

    def _fall_silent(self) -> None:
        self._stopped = True
        if self._later is not None:
            self._later.cancel()
        self._eager.ring()
        self._others.ring()

    def _line(self, eager: bool) -> _Line:
        return self._eager if eager else self._others
