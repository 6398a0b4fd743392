"""Durations and names as they are written in YAML."""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from contracts.base import DAY, HOUR, MINUTE, SECOND

_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}


def parse_duration(value: object) -> int:
    """Microseconds of `90s`, `15m`, `4h` or `7d`.

    Raises:
        ValueError: the text has another form.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = re.fullmatch(r"(\d+)([smhd])", str(value))
    if not found:
        raise ValueError(f"{value!r} is no duration; write a whole number and s, m, h or d, such as 15m")
    return int(found[1]) * _UNITS[found[2]]


def format_duration(micros: int) -> str:
    """The shortest of `90s`, `15m`, `4h`, `7d` that says it exactly."""
    for unit in ("d", "h", "m"):
        if micros and micros % _UNITS[unit] == 0:
            return f"{micros // _UNITS[unit]}{unit}"
    return f"{micros // SECOND}s"


Duration = Annotated[
    int,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, when_used="json-unless-none"),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]+[smhd]$"}),
]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
