"""Events that came when their pane was closed already: they are counted nowhere, and the log says so."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence

from contracts import MINUTE, Clock
from forestall.service.streams import Stream
from ledger import Ledger, LedgerError

LOOK_S = 5.0
AGAIN = 10 * MINUTE
"""Microseconds between two warnings of one pack."""
_log = logging.getLogger("forestall.run")


class Late:
    """What each pack's monitors have left out since this process began to look."""

    def __init__(self, ledger: Ledger, streams: Sequence[Stream], clock: Clock) -> None:
        self._ledger, self._clock = ledger, clock
        self._packs = sorted({stream.pack for stream in streams})
        self._told: dict[str, tuple[int, int]] = {}

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Look now and then while something else runs."""
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            with contextlib.suppress(LedgerError):  # who writes the ledger for a living tells what is wrong with it
                await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Once: the first look takes what it finds for known."""
        now, counters = self._clock.now(), await self._ledger.read(lambda tx: tx.docs.counters())
        for pack in self._packs:
            number = counters.get(f"monitor:{pack}:late", 0)
            known, at = self._told.setdefault(pack, (number, 0))
            if number > known and now - at >= AGAIN:
                self._told[pack] = number, now
                _log.warning(
                    "%s: %d events came when their pane was closed, and were not counted; a measure's `lateness` says"
                    " how long a pane waits", pack, number - known, extra={"happening": "late"},
                )  # fmt: skip
