"""A column of values at once: what `values.CONVERT` makes of each, and which rows are doubtful.

Usual columns are converted by a few calls into C; the others value by value, each distinct text once.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from itertools import repeat
from math import isfinite
from typing import Any

from agents.mapping.values import CONVERT, EXACT, text_of
from contracts import FieldType

NUMBERS = frozenset({str, int, Decimal})
"""Types of values that may stand for a number."""
_BARE = frozenset({int, Decimal, float})
_NOTHING = type(None)
_INTEGER_MAX_DIGITS, _DECIMAL_MAX_DIGITS = 18, 40


def texts(values: list[Any], doubted: set[int]) -> list[Any]:
    """`text_of` each; None where there is no value, and where the row is doubted."""
    kinds = set(map(type, values))
    if kinds <= {str, _NOTHING} and _unicode(filter(None, values)):
        return values
    if kinds <= _BARE:
        return written(values)
    return _one_by_one(str, values, doubted, optional=True)


def converted(kind: FieldType, values: list[Any], doubted: set[int], *, optional: bool) -> list[Any]:
    """What the mapping's field of this type holds; None where it is left out, and where the row is doubted."""
    kinds = set(map(type, values))
    absent = _NOTHING in kinds
    if absent and not optional:
        return _one_by_one(CONVERT[kind], values, doubted, optional=False)
    present = [value for value in values if value is not None] if absent else values
    try:
        found = _AT_ONCE[kind](present, kinds - {_NOTHING})
    except (ValueError, ArithmeticError):
        found = None
    if found is None:
        return _one_by_one(CONVERT[kind], values, doubted, optional=optional)
    if not absent:
        return found
    rest = iter(found)
    return [None if value is None else next(rest) for value in values]


def written(values: Iterable[Any]) -> list[str]:
    """Texts and numbers as they are written."""
    return list(map(str, values))


def plain(texts: Iterable[str]) -> bool:
    """Whether they hold nothing but digits, points and minus signs."""
    joined = "".join(texts)
    return joined.isascii() and not joined.encode().translate(None, b"0123456789.-")


def _one_by_one(
    convert: Callable[[str], object], values: Sequence[Any], doubted: set[int], *, optional: bool
) -> list[Any]:
    known: dict[str, object] = {}
    found: list[object] = []
    for place, value in enumerate(values):
        made = None
        if value is not None:
            try:
                text = text_of(value)
                made = known.get(text)
                if made is None:
                    made = known[text] = convert(text)
            except ValueError:
                doubted.add(place)
        elif not optional:
            doubted.add(place)
        found.append(made)
    return found


def _unicode(texts: Iterable[str]) -> bool:
    joined = "".join(texts)
    if joined.isascii():
        return True
    try:
        joined.encode()
    except UnicodeEncodeError:
        return False
    return True


def _strings(values: list[Any], kinds: set[type]) -> list[Any] | None:
    if kinds <= _BARE:
        return written(values)
    return values if kinds <= {str} and _unicode(values) else None


def _integers(values: list[Any], kinds: set[type]) -> list[Any] | None:
    if kinds == {str} and max(map(len, values)) <= _INTEGER_MAX_DIGITS and plain(values):
        values = list(map(int, values))
    elif kinds != {int}:
        return None
    return values if min(values) >= -EXACT and max(values) <= EXACT else None


def _numbers(values: list[Any], kinds: set[type]) -> list[Any] | None:
    if not kinds <= NUMBERS or not plain(values := written(values)):
        return None
    found = list(map(float, values))
    return found if isfinite(sum(found)) else None


def _decimals(values: list[Any], kinds: set[type]) -> list[Any] | None:
    if not kinds <= NUMBERS or not plain(values := written(values)):
        return None
    if max(map(len, values), default=0) > _DECIMAL_MAX_DIGITS:
        return None
    if str not in kinds:
        return values  # a number without an exponent is written as it is kept
    distinct = set(values)
    kept = dict(zip(distinct, map(format, map(Decimal, distinct), repeat("f")), strict=True))
    return list(map(kept.__getitem__, values))


def _booleans(values: list[Any], kinds: set[type]) -> list[Any] | None:
    return values if kinds <= {bool} else None


_AT_ONCE: dict[FieldType, Callable[[list[Any], set[type]], list[Any] | None]] = {
    "string": _strings,
    "integer": _integers,
    "number": _numbers,
    "decimal": _decimals,
    "boolean": _booleans,
}
"""Of values of these types, none of them None: what `CONVERT` makes of each, where that is plain for all of them."""
