"""The tool catalogue and every side effect."""

from tools.catalogue import Catalogue, Quote, Result, Tool, ToolContext, tool
from tools.errors import AskPerson, NothingDone, RefuseCommand, RetryLater, ToolError, WrongDeclaration
from tools.grant import Grant
from tools.invoke import Toolbox

__all__ = [
    "AskPerson",
    "Catalogue",
    "Grant",
    "NothingDone",
    "Quote",
    "RefuseCommand",
    "Result",
    "RetryLater",
    "Tool",
    "ToolContext",
    "ToolError",
    "Toolbox",
    "WrongDeclaration",
    "tool",
]
