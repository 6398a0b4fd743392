"""What a person at the command line can run into, by the reaction wanted.

ForestallError          1  an unexpected fault: report it
├── UsageError          2  the command or a setting is wrong: correct it
│   └── SettingsError      every wrong setting, a line each
├── InputError          3  a file that was given is wrong: correct it
│   └── PackError          every mistake in a pack, a line each
├── LedgerTrouble       4  the ledger is newer, corrupt, read-only or full
├── BrokerTrouble       5  the broker cannot be reached or refuses
├── NotFound            6  no such incident, request or command
└── LockedByAnother     7  another process holds the home folder
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import ClassVar

EXIT_CODES: Mapping[int, str] = MappingProxyType(
    {
        0: "done",
        1: "an unexpected fault",
        2: "a wrong command, option or setting",
        3: "a pack, a mapping or an input file is wrong",
        4: "the ledger is newer than this version, corrupt, read-only or full",
        5: "the broker cannot be reached or refuses",
        6: "no such incident, request or command",
        7: "another process holds the home folder",
        130: "interrupted",
    }
)
"""What each exit code of the command line means."""

INTERRUPTED = 130


class ForestallError(Exception):
    """Something went wrong; `next_step` says what to do about it, `exit_code` is what the process ends with."""

    exit_code: ClassVar[int] = 1
    default_step: ClassVar[str] = "Run the command again with --debug and report what it prints."

    def __init__(self, message: str, next_step: str | None = None) -> None:
        super().__init__(message)
        self.next_step = self.default_step if next_step is None else next_step


class UsageError(ForestallError):
    """The command, an option or a setting is wrong."""

    exit_code = 2
    default_step = "See forestall --help."


class SettingsError(UsageError):
    """One or more settings are wrong; `problems` holds a line each."""

    default_step = "Correct the settings named above."

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class InputError(ForestallError):
    """A file that was given cannot be used as it stands."""

    exit_code = 3
    default_step = "Correct the file and run the command again."


class PackError(InputError):
    """A pack cannot be loaded; `mistakes` holds every one, as `file:line: field: value: rule; what to do`."""

    default_step = "Correct the lines named above and run the command again."

    def __init__(self, mistakes: Iterable[str], next_step: str | None = None) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes), next_step)


class LedgerTrouble(ForestallError):
    """The ledger is newer than this version, corrupt, read-only or full."""

    exit_code = 4
    default_step = "Keep a copy of the home folder before you change anything in it."


class BrokerTrouble(ForestallError):
    """The broker cannot be reached or refuses."""

    exit_code = 5
    default_step = "Check the broker's address and that it is running."


class NotFound(ForestallError):
    """No incident, request or command has that id."""

    exit_code = 6
    default_step = "List what there is with forestall incidents."


class LockedByAnother(ForestallError):
    """Another process holds the home folder."""

    exit_code = 7
    default_step = "Stop the other process, or name the home that you mean with --home."
