"""Waiting for a ledger that another process is writing: told once, tried again, by a service until it is stopped."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from forestall.service.halt import Halt
from ledger import LedgerBusy

RETRY_S = 2.0
TRIES = 10
"""Of a run that is to end: each try has waited for the lock by itself, so that these are about two minutes."""
Answer = TypeVar("Answer")
_log = logging.getLogger("forestall.run")


class Stopped(Exception):
    """The service is to stop while it waits."""


async def once_free(work: Callable[[], Awaitable[Answer]], halt: Halt | None) -> Answer:
    """The answer of `work`, which is begun anew as long as the ledger is busy. Without `halt` the run is to end.

    Raises:
        LedgerBusy: a run that is to end has tried often enough.
        Stopped: the service is to stop.
    """
    told, tries = False, 0
    while True:
        try:
            return await work()
        except LedgerBusy as busy:
            tries += 1
            if halt is None and tries > TRIES:
                raise
            if not told:
                told = True
                _log.warning("%s; waiting for it", busy, extra={"happening": "ledger_busy"})
        if halt is None:
            await asyncio.sleep(RETRY_S)
        elif await halt.within(RETRY_S):
            raise Stopped
