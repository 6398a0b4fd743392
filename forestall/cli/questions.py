"""Asking the person at the terminal."""

import getpass
import signal
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from forestall.errors import UsageError

YES = frozenset({"y", "yes"})
UNKNOWN = "unknown"


def confirm(console: Console, lines: Sequence[str], question: str) -> bool:
    """Show what it is about, and ask; only a plain yes is one.

    Raises:
        UsageError: nobody can answer: the input has ended.
        KeyboardInterrupt: Ctrl-C, at once, even inside asyncio.
    """
    for line in ("", *lines):
        console.print(Text(line))
    console.print(Text.assemble((question, "bold"), " [y/N] "), end="")
    # asyncio turns the first Ctrl-C into a cancellation, which would wait here until Enter is pressed.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return input().strip().lower() in YES
    except EOFError as error:
        raise UsageError("the input ended before the question was answered", "Answer y or n.") from error
    finally:
        signal.signal(signal.SIGINT, before)


def os_user() -> str:
    """Who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return UNKNOWN
