"""Where a command writes: results to stdout, all else to stderr."""

import json
import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from rich.console import Console, RenderableType
from rich.segment import Segment, Segments
from rich.text import Text

from forestall.cli.visible import Screen
from forestall.trace import Tone

PIPE_WIDTH = 120
"""Columns where nobody looks: wide enough that a line stays a line."""

STYLES: Mapping[Tone, str] = {
    "plain": "",
    "alarm": "bold yellow",
    "good": "green",
    "bad": "red",
    "person": "cyan",
    "quiet": "dim",
}


def stdout() -> Console:
    return _console(sys.stdout)


def stderr() -> Console:
    return _console(sys.stderr)


def _console(file: IO[str]) -> Console:
    """Colours only on a terminal, and not where NO_COLOR is set; both are seen to by rich."""
    piped = not file.isatty() and "COLUMNS" not in os.environ
    return Screen(file=file, highlight=False, markup=False, emoji=False, width=PIPE_WIDTH if piped else None)


def print_hanging(console: Console, head: Text, text: Text) -> None:
    """`head`, and beside it `text`, wrapped without ever running below the head."""
    room = max(console.width - head.cell_len, 20)
    for number, line in enumerate(text.wrap(console, room)):
        line.rstrip()
        console.print(head + line if number == 0 else Text(" " * head.cell_len) + line, soft_wrap=True)


def print_trimmed(console: Console, what: RenderableType) -> None:
    """A table or a tree without the blanks that fill its lines."""
    for line in console.render_lines(what, pad=False):
        while line and not line[-1].text.strip():
            line.pop()
        kept = [*line[:-1], *(Segment(each.text.rstrip(), each.style) for each in line[-1:]), Segment.line()]
        console.print(Segments(kept), end="", soft_wrap=True)


LEARNING = "counts take two days with events, levels up to three days"


def plural(number: int, word: str) -> str:
    """`1 tool`, `2 tools`, `1,200 events`."""
    return f"{number:,} {word}" + ("" if number == 1 else "s")


def program() -> str:
    """How this program is called so that it can be pasted: by its path where the shell would not find it."""
    called = Path(sys.argv[0])
    if called.name != "forestall" or shutil.which("forestall"):
        return "forestall"
    near = os.path.relpath(called)
    return shlex.quote(near if not near.startswith("..") else str(called.absolute()))


def not_taken(dead: Mapping[str, int]) -> str:
    """How many messages became dead letters, and why: `575 messages could not be taken (unknown_type 575)`."""
    reasons = ", ".join(f"{code} {number:,}" for code, number in dead.items())
    return f"{plural(sum(dead.values()), 'message')} could not be taken ({reasons})"


def print_json(value: Any) -> None:
    """One JSON document on stdout, as it is; indented for a reader."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
