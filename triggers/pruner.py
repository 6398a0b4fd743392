"""The pruner: now and then, one worker takes away what nothing needs any more."""

import logging

from contracts import HOUR, SECOND
from graphs import Services
from ledger import Pruned, Retention, Transaction

EVERY = 6 * HOUR
LEASE_MICROS = 30 * SECOND
_log = logging.getLogger("forestall.pruner")


class Pruner:
    """Prunes the ledger slice by slice, then rests for `EVERY` of the clock."""

    def __init__(self, services: Services, retention: Retention) -> None:
        self._services, self._retention = services, retention
        self._next = 0

    async def step(self) -> bool:
        """Take one slice away; False when there is nothing to take, it is not time, or another process does it."""
        ledger, now, owner = self._services.ledger, self._services.clock.now(), self._services.owner
        if now < self._next:
            return False
        if not await ledger.read(lambda tx: tx.leases.is_free("pruner", owner, now)):
            self._next = now + EVERY
            return False

        def prune(tx: Transaction) -> Pruned | None:
            held = tx.leases.acquire("pruner", owner, now, LEASE_MICROS)
            return tx.pruning.prune(now, self._retention) if held else None

        pruned = await ledger.transact("prune", prune)
        if pruned is None or not pruned.more:
            self._next = now + EVERY
        if pruned is not None and pruned.rows:
            _log.debug("pruned: %s", ", ".join(f"{rows} {name}" for name, rows in pruned.rows.items()))
        return pruned is not None and pruned.more
