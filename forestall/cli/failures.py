"""Any fault as what a person reads: a line, a next step, an exit code."""

import sys
from dataclasses import dataclass

from forestall.errors import BrokerTrouble, ForestallError, InputError, LedgerTrouble, NotFound, UsageError


class Interrupted(Exception):
    """Somebody pressed Ctrl-C; the message says how it goes on."""


@dataclass(frozen=True, slots=True)
class Failure:
    code: int
    message: str
    next_step: str


def failure_of(error: BaseException) -> Failure:
    """What to tell about an error of any room."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, ForestallError):
        return Failure(error.exit_code, str(error), error.next_step)
    known = _of_a_room(error)
    if known is not None:
        kind, next_step = known
        return Failure(kind.exit_code, str(error), next_step)
    return Failure(1, f"unexpected {type(error).__name__}: {error}", ForestallError.default_step)


def _of_a_room(error: BaseException) -> tuple[type[ForestallError], str] | None:
    """Only rooms that were imported can have raised something: none is imported here for nothing."""
    for module, name, kind, next_step in _ROOMS:
        room = sys.modules.get(module)
        if room is not None and isinstance(error, getattr(room, name)):
            return kind, next_step
    return None


_ROOMS: tuple[tuple[str, str, type[ForestallError], str], ...] = (
    ("ledger", "LedgerBusy", LedgerTrouble, "Wait a moment and run the command again."),
    ("ledger", "LedgerError", LedgerTrouble, LedgerTrouble.default_step),
    ("triggers.brokers", "RetryLater", BrokerTrouble, BrokerTrouble.default_step),
    ("triggers.brokers", "BrokerError", BrokerTrouble, "Correct what it names and run the command again."),
    ("governance", "NotFound", NotFound, NotFound.default_step),
    ("governance", "GovernanceError", UsageError, "See what is open with forestall status."),
    ("triggers.emit", "EmitError", InputError, "Correct the file and emit it again; nothing is taken twice."),
    ("tools", "ToolError", ForestallError, ForestallError.default_step),
)
