"""Asking the person at the terminal."""

import getpass
import signal
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from forestall.errors import UsageError

ANSWERS = {"y": True, "yes": True, "n": False, "no": False}
UNKNOWN = "unknown"


def confirm(console: Console, lines: Sequence[str], question: str) -> bool:
    """Show what it is about, and ask until the answer is a plain yes or no.

    Raises:
        UsageError: nobody can answer: the input has ended.
        KeyboardInterrupt: Ctrl-C, at once, even inside asyncio.
    """
    for line in ("", *lines):
        console.print(Text(line))
    # asyncio turns the first Ctrl-C into a cancellation, which would wait here until Enter is pressed.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        while True:
            console.print(Text.assemble((question, "bold"), " [y/n] "), end="")
            answer = ANSWERS.get(input().strip().lower())
            if answer is not None:
                return answer
            console.print(Text("Answer y or n.", "dim"))
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
