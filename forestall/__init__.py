"""Forestall: notices trouble in event streams and fixes it, safely. This module is the whole public API for packs."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contracts import DAY, HOUR, MINUTE, SECOND, Command, Event, Outcome
    from tools import AskPerson, NothingDone, Quote, RefuseCommand, RetryLater, Tool, ToolContext, tool

__version__ = "0.1.0"

__all__ = [
    "DAY",
    "HOUR",
    "MINUTE",
    "SECOND",
    "AskPerson",
    "Command",
    "Event",
    "NothingDone",
    "Outcome",
    "Quote",
    "RefuseCommand",
    "RetryLater",
    "Tool",
    "ToolContext",
    "__version__",
    "tool",
]


_OF_CONTRACTS = frozenset({"DAY", "HOUR", "MINUTE", "SECOND", "Command", "Event", "Outcome"})


def __getattr__(name: str) -> Any:
    """What packs use is imported when it is asked for: the command line must be there at once to hear Ctrl-C."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = getattr(import_module("contracts" if name in _OF_CONTRACTS else "tools"), name)
    except (ImportError, AttributeError) as error:
        from forestall.guard import shadowing_problem

        if problem := shadowing_problem():
            raise ImportError(problem) from error
        raise
    globals()[name] = value
    return value
