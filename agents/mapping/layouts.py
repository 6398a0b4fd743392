"""Written times of one length, in which each part has its place: read for all of a column at once."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts import DAY, HOUR, MINUTE, SECOND

_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ])\d\d:\d\d:\d\d(?:\.(\d{3}|\d{6}))?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_WIDTHS = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2, "f": 6}
_DATE = frozenset("Ymd")
_NONE = np.zeros(1, dtype=np.uint8)


@dataclass(slots=True)
class Layout:
    """Where the parts of a time stand: `parts` (as in `strptime`) and `marks`, what stands between them."""

    length: int = 0
    parts: dict[str, tuple[int, int]] = field(default_factory=dict)
    marks: dict[int, int] = field(default_factory=dict)
    in_utc: bool = False
    offset: int | None = None

    def part(self, name: str, width: int) -> None:
        """The next part."""
        self.parts[name] = (self.length, width)
        self.length += width

    def mark(self, text: str) -> None:
        """What stands there in every text."""
        for sign in text:
            self.marks[self.length] = ord(sign)
            self.length += 1

    def read(self, signs: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Microseconds since 1970, UTC or local, and which of them are sure. `signs`: a text a row, in ASCII."""
        places = np.ascontiguousarray(signs.T)  # one place of all texts lies together: many are handled at a time
        sure = np.ones(len(signs), dtype=np.bool_)
        for place, sign in self.marks.items():
            sure &= places[place] == sign
        found = {name: _number(places, start, width, sure) for name, (start, width) in self.parts.items()}
        year, month, day = found["Y"], found["m"], found["d"]
        hour, minute, second = (found.get(name, _NONE) for name in "HMS")
        months = (year - 1970) * 12 + month - 1
        if months.min() == months.max():
            months = months[:1]
        begin, end = _days(months), _days(months + 1)
        sure &= (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= end - begin)
        sure &= (hour <= 23) & (minute <= 59) & (second <= 59)
        micros = (begin + day - 1) * DAY + _whole(hour) * HOUR + _whole(minute) * MINUTE + _whole(second) * SECOND
        if "f" in found:
            micros += _whole(found["f"]) * 10 ** (6 - self.parts["f"][1])
        if self.offset is not None:
            micros -= self._ahead(places, self.offset, sure)
        return micros, sure

    def _ahead(self, places: NDArray[np.uint8], at: int, sure: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Microseconds ahead of UTC that the texts name, such as +01:00."""
        hours, minutes = _number(places, at + 1, 2, sure), _number(places, at + 4, 2, sure)
        behind = places[at] == ord("-")
        sure &= (behind | (places[at] == ord("+"))) & (hours <= 23) & (minutes <= 59)
        ahead = _whole(hours) * HOUR + _whole(minutes) * MINUTE
        return np.where(behind, -ahead, ahead)


def layout_of(text: str, form: str) -> Layout | None:
    """The layout of a text of that form (`iso`, or as for `strptime`); None where it has none that is known here."""
    if form == "iso":
        found = _ISO.fullmatch(text)
        return None if found is None else _iso(found[1], len(found[2] or ""), found[3] or "")
    layout = _fixed(form)
    return layout if layout is not None and layout.length == len(text) else None


@lru_cache(maxsize=64)
def _iso(between: str, fraction: int, zone: str) -> Layout:
    layout = _fixed(f"%Y-%m-%d{between}%H:%M:%S")
    assert layout is not None
    layout = Layout(layout.length, dict(layout.parts), dict(layout.marks), bool(zone))
    if fraction:
        layout.mark(".")
        layout.part("f", fraction)
    if zone == "Z":
        layout.mark("Z")
    elif zone:
        layout.offset = layout.length
        layout.marks[layout.length + 3] = ord(":")
    return layout


@lru_cache(maxsize=64)
def _fixed(form: str) -> Layout | None:
    """Of a format whose parts have all their digits: if so, no shorter reading of a part fits the whole text."""
    layout = Layout()
    for directive, literal in re.findall(r"%(.)|([^%]+)", form, re.DOTALL):
        if literal:
            layout.mark(literal)
        elif directive in _WIDTHS and directive not in layout.parts:
            layout.part(directive, _WIDTHS[directive])
        else:
            return None
    usual = form.isascii() and form == form.strip()  # what stands around a text is no part of it
    return layout if layout.parts.keys() >= _DATE and usual else None


def _number(places: NDArray[np.uint8], start: int, width: int, sure: NDArray[np.bool_]) -> NDArray[Any]:
    """Two digits are a small number, which is several times as fast; more are a large one."""
    digits = places[start : start + width] - ord("0")  # what is below wraps around to a large number
    sure &= (digits <= 9).all(axis=0)
    if width == 2:
        pair: NDArray[np.uint8] = digits[0] * 10 + digits[1]
        return pair
    value = np.zeros(places.shape[1], dtype=np.int64)
    for digit in digits:
        value = value * 10 + digit
    return value


def _whole(small: NDArray[Any]) -> NDArray[np.int64]:
    return small.astype(np.int64)


def _days(months: NDArray[np.int64]) -> NDArray[np.int64]:
    """From 1970-01-01 to the first day of a month (since January 1970)."""
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
