"""One mistake in a pack, and how it is told."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

Location = tuple[int | str, ...]

_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Mistake:
    """`rule` says what is asked for and, after a semicolon, what to do. `value` is shown as written, cut short."""

    file: Path
    line: int
    field: str
    value: str
    rule: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}"
        return ": ".join(part for part in (where, self.field, self.value, self.rule) if part)


def dotted(location: Location) -> str:
    """`measures[0].pane` for ("measures", 0, "pane")."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def shown(value: object) -> str:
    """A value as a reader would recognise it, at most 60 characters."""
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def nearest(name: object, known: Iterable[str]) -> str:
    """What to do about an unknown name: `did you mean …?` or the known ones."""
    names = sorted(known)
    close = difflib.get_close_matches(str(name), names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(names)}" if names else "none is declared"
