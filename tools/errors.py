"""What can go wrong with a tool, by the reaction wanted.

ToolError
├── RefuseCommand      the grant, the arguments or a ceiling forbid it: nothing was called
├── RetryLater         nothing was done; the same call may succeed later
├── NothingDone        the tool says for certain that nothing was done, and that trying again is useless
└── AskPerson          nobody can say whether the effect happened
Any other exception from a tool counts as `RetryLater` for a keyed or reconcilable tool, and as `AskPerson` otherwise.

WrongDeclaration is raised when a tool is declared, before there is anything to call.
"""

import inspect
from collections.abc import Callable
from typing import Any


class ToolError(Exception):
    """A tool call did not succeed."""


class RefuseCommand(ToolError):
    """The command may not run as it stands."""


class RetryLater(ToolError):
    """A passing fault; nothing was done."""


class NothingDone(ToolError):
    """A lasting fault; nothing was done."""


class AskPerson(ToolError):
    """The effect is unknown."""


class WrongDeclaration(TypeError):
    """A tool cannot be used as it is declared: correct the Python.

    `field` is the tool, with a dot and what is wrong of it; `value` is as written, "" for nothing to show; `known` are
    the values it may have. `file` and `line` are where the function begins, its decorators included.
    """

    def __init__(
        self, function: Callable[..., Any], what: str, rule: str, value: object = "", known: tuple[str, ...] = ()
    ) -> None:
        name = getattr(function, "__name__", type(function).__name__)
        self.field = f"{name}.{what}" if what else name
        self.value, self.rule, self.known = value, rule, known
        code = getattr(inspect.unwrap(function), "__code__", None)
        self.file: str | None = None if code is None else code.co_filename
        self.line: int = 1 if code is None else code.co_firstlineno
        told = "" if value == "" else f"{value!r}: "
        super().__init__(f"{self.field}: {told}{rule}")
