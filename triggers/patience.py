"""Faults that pass: waited out and told once, by a service for good, by a run that is to end so many times in a row."""

import logging

from ledger import LedgerBusy
from triggers.brokers import AskOperator, RetryLater

RETRY_WAIT_S = 2.0
"""Real seconds before what failed is tried again."""
TRIES = 10
"""So many times in a row a run that is to end bears a fault: each try waits for the lock or the broker by itself."""
_log = logging.getLogger("forestall.worker")


class Patience:
    """One loop's. `tries` None: a service's, which also waits for the person whom a fault under way asks for.

    `told` is what loops that meet the same faults have told already.
    """

    def __init__(self, tries: int | None = None, told: set[str] | None = None) -> None:
        self._tries, self._left = tries, tries
        self._went_well = False
        self._told = set() if told is None else told
        self._borne: str | None = None

    def well(self) -> None:
        """What was tried succeeded."""
        self._went_well, self._left = True, self._tries
        self._passed()

    def bear(self, fault: Exception) -> None:
        """Note it, and tell it unless it was told just now. The caller waits `RETRY_WAIT_S` and tries again.

        Raises:
            The fault itself: it does not pass, or has come too often. What never went well is wrong from the start, and
            is for whoever has started us.
        """
        waiting = self._tries is None and self._went_well and isinstance(fault, AskOperator)
        if not (waiting or isinstance(fault, LedgerBusy | RetryLater)):
            raise fault
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise fault
        if str(fault) != self._borne:
            self._passed()
            self._borne = str(fault)
            self._tell(self._borne, "but a person has to see to it" if waiting else "until it passes")

    def _tell(self, fault: str, then: str) -> None:
        if fault not in self._told:
            self._told.add(fault)
            _log.warning("%s; it is tried again every %g s, %s", fault, RETRY_WAIT_S, then)

    def _passed(self) -> None:
        if self._borne is not None:
            self._told.discard(self._borne)
            self._borne = None
