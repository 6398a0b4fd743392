"""From a document's value to a value of an event's data."""

import math
import re
from collections.abc import Callable
from decimal import Decimal

from contracts import FieldType

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[+-]?(?=[0-9.]{1,40}$)([0-9]+(\.[0-9]*)?|\.[0-9]+)")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
EXACT = 2**53 - 1
"""Beyond this many JSON readers round an integer (RFC 8259, section 6)."""


def text_of(value: object) -> str:
    """A value as text, for templates, keys and tests.

    Raises:
        ValueError: it is an array, an object, bytes, or not UTF-8.
    """
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise ValueError("not UTF-8")
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal | float):
        return str(value)
    if isinstance(value, bytes):
        raise ValueError("bytes; only text, numbers and booleans can be mapped")
    raise ValueError("an array or an object; only text, numbers and booleans can be mapped")


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text) or abs(int(text)) > EXACT:
        raise ValueError(f"no whole number up to {EXACT}; write digits only, or map it as a string")
    return int(text)


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        raise ValueError("no number; write digits, with a point for the fraction")
    return float(text)


def _decimal(text: str) -> str:
    if not _DECIMAL.fullmatch(text):
        raise ValueError("no decimal; write up to 40 digits, with a point for the fraction and no exponent")
    return format(Decimal(text), "f")


def _boolean(text: str) -> bool:
    if text.lower() not in _BOOLEANS:
        raise ValueError(f"no boolean; write one of {', '.join(_BOOLEANS)}")
    return _BOOLEANS[text.lower()]


CONVERT: dict[FieldType, Callable[[str], object]] = {
    "string": str,
    "integer": lambda text: _integer(text.strip()),
    "number": lambda text: _number(text.strip()),
    "decimal": lambda text: _decimal(text.strip()),
    "boolean": lambda text: _boolean(text.strip()),
}
"""Converters of a value's text. A decimal stays a string, so that no reader makes a float of it."""
