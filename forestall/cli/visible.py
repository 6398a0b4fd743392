"""What events and people write is shown, never obeyed: their control characters reach neither terminal nor log."""

import re
from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

# C0 and C1 controls, line separators, signs that turn the direction of reading, halves of a surrogate pair.
_OBEYED = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff"
_IN_TEXT = re.compile(f"[{_OBEYED}]")
_IN_A_LINE = re.compile(f"[{_OBEYED}\t\n]")


def visible(text: str, *, one_line: bool = False) -> str:
    """The text with `\\x1b` and the like written out; line breaks and tabs, too, where it is to stay one line."""
    return (_IN_A_LINE if one_line else _IN_TEXT).sub(_written_out, text)


def _written_out(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


class Screen(Console):
    """A console whose colours are its own alone."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))
