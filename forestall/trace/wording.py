"""How instants, durations, money and a tool's figures are written for a reader."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from contracts import DAY, SECOND

DIGEST_SHOWN = 12
FIGURES_SHOWN = 8
_MONEY = re.compile(r"-?\d+\.\d\d")


FAR = 180 * DAY
"""From here on a day without its year would mislead."""
_NOW: ContextVar[int | None] = ContextVar("now", default=None)


@contextmanager
def telling_at(now: int) -> Iterator[None]:
    """What is written within is read at this instant: days far from it are told with their year."""
    token = _NOW.set(now)
    try:
        yield
    finally:
        _NOW.reset(token)


def moment(micros: int, *, day: bool = True) -> str:
    """`Thu 5 Mar 09:15`, or only `09:15`; UTC. See `telling_at` for the year."""
    instant = datetime.fromtimestamp(micros // SECOND, UTC)
    clock = f"{instant:%H:%M}"
    now = _NOW.get()
    year = f" {instant.year}" if now is not None and abs(micros - now) > FAR else ""
    return f"{instant:%a} {instant.day} {instant:%b}{year} {clock}" if day else clock


def day_of(micros: int) -> str:
    """`Thu 5 Mar`."""
    return moment(micros).rsplit(" ", 1)[0]


def duration(micros: float) -> str:
    """`45 s`, `15 min`, `3 h 30 min`, `2 d 4 h`: the two largest units that count."""
    seconds = round(micros / SECOND)
    if seconds < 60:
        return f"{seconds} s"
    parts = [(seconds // 86_400, "d"), (seconds // 3_600 % 24, "h"), (seconds // 60 % 60, "min")]
    first = next(place for place, (number, _) in enumerate(parts) if number)
    return " ".join(f"{number} {unit}" for number, unit in parts[first : first + 2] if number)


def money(value: object) -> str:
    """`3,530.50`: two decimals and thousands; what is no number stays as it is."""
    try:
        return f"{Decimal(str(value)):,.2f}"
    except InvalidOperation:
        return str(value)


def noticed(signal: Mapping[str, Any]) -> str:
    """`spike of orders: 16 where 0.893 were expected within 45 min`: from its onset to when it was noticed.

    `signal` is one as JSON, its instants in microseconds. Of a measure with a key, that stands in brackets behind it.
    """
    measure, key = signal["measure"], signal["key"]
    series = measure if key == "all" else f"{measure} ({key})"
    told = f"{signal['observed']:g} where {signal['expected']:.3g} were expected"
    return f"{signal['pattern']} of {series}: {told} within {duration(signal['noticed_at'] - signal['onset'])}"


def at_stake(value: object, currency: str = "") -> str:
    """`3,530.50 at stake`; nothing where no tool of the plan says what it would touch."""
    amount = money(value)
    return "" if amount == "0.00" else " ".join(filter(None, (amount, currency, "at stake")))


def short(digest: str) -> str:
    """The first digits of a digest."""
    return digest if len(digest) <= DIGEST_SHOWN else f"{digest[:DIGEST_SHOWN]}…"


_FOR_CREDIT = "changed"
"""Says again, for the learner, what the tool's own figures say."""


def figures(result: Mapping[str, Any], known: Mapping[str, Any] | None = None) -> str:
    """A tool's result in a line: `moved 38 · left 2 · to B 21, C 6`, less what is `known` already (its arguments)."""
    told = [
        f"{name.replace('_', ' ')} {_value(value)}"
        for name, value in result.items()
        if name != _FOR_CREDIT and (known is None or known.get(name) != value) and value not in (None, "", [], {})
    ]
    more = len(told) - FIGURES_SHOWN
    return " · ".join(told[:FIGURES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_value(item)}" for name, item in value.items())
    if isinstance(value, list):
        return ", ".join(_value(item) for item in value[:FIGURES_SHOWN])
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return money(value) if _MONEY.fullmatch(value) else _instant(value)
    return f"{value:,g}" if isinstance(value, float) else str(value)


def _instant(text: str) -> str:
    """An RFC 3339 instant as a moment; any other text as it is."""
    if len(text) < 20 or text[4:5] != "-" or not text.endswith("Z"):
        return text
    try:
        return moment(int(datetime.fromisoformat(text).timestamp()) * SECOND)
    except ValueError:
        return text
