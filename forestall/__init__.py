"""Forestall: notices trouble in event streams and fixes it, safely. This module is the whole public API for packs."""

try:
    from contracts import DAY, HOUR, MINUTE, SECOND, Command, Event, Outcome
    from tools import AskPerson, NothingDone, Quote, RefuseCommand, RetryLater, Tool, ToolContext, tool
except ImportError as error:
    from forestall.guard import shadowing_problem

    if problem := shadowing_problem():
        raise ImportError(problem) from error
    raise

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
