"""Texts as instants: which of the known forms fits a column best."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from contracts import EPOCHS, SECOND, from_iso

TRIED = 400
"""Values of a column by which its form is found; all of them are read afterwards."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = from_iso("1995-01-01T00:00:00Z"), from_iso("2100-01-01T00:00:00Z")
"""A count from 1970 outside of these years is taken for something else."""
_MICROS = {"epoch_s": SECOND, "epoch_ms": 1_000, "epoch_us": 1}
_COUNT = re.compile(r"[0-9]{9,17}(\.[0-9]+)?")

_DAYS = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d", "%d-%m-%Y", "%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%d.%m.%y")
_TIMES = (" %H:%M:%S", " %H:%M", " %H:%M:%S.%f", " %I:%M:%S %p", " %I:%M %p", "")
FORMS = (
    "iso",
    *EPOCHS,
    *(day + time for day in _DAYS for time in _TIMES),
    "%d/%b/%Y:%H:%M:%S %z",
    "%a, %d %b %Y %H:%M:%S %z",
    "%a %b %d %H:%M:%S %Y",
    "%m/%d/%y %H:%M",
    "%Y%m%d %H%M%S",
)
"""Tried in this order; day before month where both fit."""


@dataclass(frozen=True, slots=True)
class Read:
    """One text as an instant (microseconds, UTC), and the offset (seconds) that it names itself."""

    at: int
    offset: int | None


def reader(form: str, zone: tzinfo) -> Callable[[str], Read | None]:
    """A function that reads a text of this form, None where it has another one. `zone` is for texts that name none."""
    if form in _MICROS:
        return lambda text: _count(text, _MICROS[form])

    def read(text: str) -> Read | None:
        try:
            moment = datetime.fromisoformat(text) if form == "iso" else datetime.strptime(text, form)  # noqa: DTZ007
            offset = moment.utcoffset()
            aware = moment.replace(tzinfo=zone) if offset is None else moment
            at = (aware - _EPOCH) // timedelta(microseconds=1)
        except (ValueError, OverflowError):
            return None
        return Read(at, None if offset is None else int(offset.total_seconds()))

    return read


def _count(text: str, micros: int) -> Read | None:
    if not _COUNT.fullmatch(text):
        return None
    whole, _, fraction = text.partition(".")
    at = int(whole) * micros + (int(fraction[:6].ljust(6, "0")) * micros // SECOND if fraction else 0)
    return Read(at, 0) if _FIRST <= at <= _LAST else None


def form_of(texts: list[str]) -> tuple[str, float, bool] | None:
    """The form that most texts have, the share that has it, and whether another one fits as well.

    Day and month are told apart by the days after the 12th, where there is one.
    """
    tried = texts[:: max(len(texts) // TRIED, 1)]
    shares = [(_share(form, tried), form) for form in FORMS if _share(form, tried[:20]) > 0]
    best = max((share for share, _ in shares), default=0.0)
    fits = [form for share, form in shares if share == best and share > 0]
    if not fits:
        return None
    if len(fits) > 1:  # an odd value out among those that were tried: all of them decide
        exact = [(_share(form, texts), form) for form in fits]
        best = max(share for share, _ in exact)
        fits = [form for share, form in exact if share == best]
    return fits[0], best, len(fits) > 1


def _share(form: str, texts: list[str]) -> float:
    read = reader(form, UTC)
    return sum(read(each.strip()) is not None for each in texts) / max(len(texts), 1)


def nanoseconds(texts: list[str]) -> bool:
    """Whether they look like nanoseconds from 1970, which no mapping reads."""
    counted = [each for each in texts[:TRIED] if each.isdecimal() and len(each) in (18, 19)]
    return (
        bool(texts)
        and len(counted) == len(texts[:TRIED])
        and all(_FIRST <= int(each) // 1_000 <= _LAST for each in counted)
    )
