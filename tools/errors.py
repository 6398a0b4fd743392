"""What can go wrong with a tool, by the reaction wanted.

ToolError
├── RefuseCommand      the grant, the arguments or a ceiling forbid it: nothing was called
├── RetryLater         nothing was done; the same call may succeed later
├── NothingDone        the tool says for certain that nothing was done, and that trying again is useless
└── AskPerson          nobody can say whether the effect happened
Any other exception from a tool counts as `AskPerson` for an opaque tool and as `RetryLater` for the others.
"""


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
