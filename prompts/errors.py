"""What can go wrong with a prompt, by the reaction wanted.

PromptError
├── UnknownPrompt    correct the name or the version
├── ChangedPrompt    a published version was edited: restore it, and write the next version
├── WrongVariables   the caller and the prompt's front matter disagree
└── PromptTooLarge   a data block cannot be cut down to its bound: ask a person instead
"""


class PromptError(Exception):
    """No words came about."""


class UnknownPrompt(PromptError):
    """No such prompt, or no such version of it."""


class ChangedPrompt(PromptError):
    """The text of a version is not the one that was published."""


class WrongVariables(PromptError):
    """A variable is missing, or is not declared."""


class PromptTooLarge(PromptError):
    """A value is too large for its block even when shortened."""
