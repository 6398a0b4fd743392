"""What the columns are good for: telling events apart, naming the unit of analysis, explaining."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from contracts import HOUR
from forestall.newpack.columns import Column
from forestall.newpack.names import is_id, is_personal
from forestall.newpack.rhythm import period_of

UNIQUE_MIN = 50
"""Fewer values may all differ by chance."""
ID_MIN = 6
REPEATS = 1.1
BRIEF_SHARE = 0.95
DIMENSIONS_MAX = 8
VALUES_MAX = 5_000
EVENTS_A_VALUE = 10
"""Bounds on a dimension: so few values, and so many events each, in the middle."""
FEW_VALUES = 50
LONG_TEXT = 40
KEYS_MAX = 50


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A column that explains nothing, and why."""

    path: str
    why: str


def find_id(columns: list[Column], time: Column | None) -> Column | None:
    """A column whose values all differ, and that is called or looks like an id."""
    unique = [each for each in columns if each is not time and each.kind in ("text", "integer") and _unique(each)]
    named = [each for each in unique if is_id(each.path)]
    looking = [each for each in unique if each.kind == "text" and all(map(_looks_like_id, each.profile.counts))]
    return next((each for each in named + looking if not is_personal(each.path, list(each.profile.counts)[:500])), None)


def _unique(column: Column) -> bool:
    return not column.missing and column.profile.distinct == len(column.texts) >= UNIQUE_MIN


def _looks_like_id(text: str) -> bool:
    """One word, with digits in it, and not a number of something."""
    letters = any(each.isalpha() for each in text)
    return letters and len(text) >= ID_MIN and not any(each.isspace() for each in text) and any(map(str.isdigit, text))


def find_unit(columns: list[Column], instants: Sequence[int | None], taken: Sequence[Column]) -> Column | None:
    """A column called like an id whose values come several times, each within a short while: lines of one order."""
    known = [each for each in instants if each is not None]
    brief = max(HOUR, (max(known) - min(known)) // 50) if known else HOUR
    found = []
    for column in columns:
        counts = column.profile.counts
        if column in taken or column.missing or column.kind not in ("text", "integer") or not is_id(column.path):
            continue
        if len(counts) < UNIQUE_MIN or len(column.texts) < REPEATS * len(counts):
            continue
        if _brief_share(column, instants, brief) >= BRIEF_SHARE:
            found.append(column)
    return max(found, key=lambda each: each.profile.distinct, default=None)


def _brief_share(column: Column, instants: Sequence[int | None], brief: int) -> float:
    """The share of values all of whose events lie within `brief` microseconds."""
    lives: dict[str, tuple[int, int]] = {}
    for text, at in zip(column.texts, instants, strict=True):
        if text is not None and at is not None:
            first, last = lives.get(text, (at, at))
            lives[text] = (min(first, at), max(last, at))
    return sum(last - first <= brief for first, last in lives.values()) / max(len(lives), 1)


def find_dimensions(columns: list[Column], taken: Sequence[Column | None]) -> tuple[list[Column], list[LeftOut]]:
    """At most eight columns that may explain a count, the fullest and least varied first, and what was left out."""
    fit: list[Column] = []
    left: list[LeftOut] = []
    for column in columns:
        if column in taken:
            continue
        why = _unfit(column)
        if why is None:
            fit.append(column)
        else:
            left.append(LeftOut(column.path, why))
    fit.sort(key=lambda each: (each.missing * 10 // max(len(each.texts), 1), each.profile.distinct))
    kept: list[Column] = []
    for column in fit:
        twin = next((each for each in kept if _same(each, column)), None)
        if twin is not None:
            shorter = min(twin, column, key=_length)
            kept[kept.index(twin)] = shorter
            longer = column if shorter is twin else twin
            left.append(LeftOut(longer.path, f"says the same as {shorter.path}"))
        elif len(kept) == DIMENSIONS_MAX:
            left.append(LeftOut(column.path, f"{DIMENSIONS_MAX} are enough"))
        else:
            kept.append(column)
    return kept, left


def _unfit(column: Column) -> str | None:
    counts, kind = column.profile.counts, column.kind
    values = list(counts)
    if column.unusable:
        return column.unusable
    if len(counts) < 2:
        return "only one value" if counts else "empty"
    if is_personal(column.path, values[:500]):
        return "looks personal"
    if column.missing * 2 > len(column.texts):
        return "mostly missing"
    if kind == "number" or (kind == "integer" and len(counts) > FEW_VALUES and not is_id(column.path)):
        return "a quantity"
    if len(counts) > max(FEW_VALUES, min(VALUES_MAX, len(column.texts) // EVENTS_A_VALUE)):
        return "too many values"
    if sum(len(each) > LONG_TEXT for each in values) * 2 > len(values):
        return "free text"
    return None


def _length(column: Column) -> int:
    """Characters of its values together."""
    return sum(map(len, column.profile.counts))


def _same(one: Column, other: Column) -> bool:
    """Whether each value of the one goes with one value of the other."""
    size = max(one.profile.distinct, other.profile.distinct)
    if size > 1.05 * min(one.profile.distinct, other.profile.distinct):
        return False
    pairs = set(zip(one.texts, other.texts, strict=True))
    return len(pairs) <= 1.05 * size + 1


def find_key(columns: list[Column], instants: Sequence[int | None], time: Column | None) -> tuple[Column, int] | None:
    """A column by whose values the readings come at a fixed period (microseconds) although together they do not."""
    for column in sorted(columns, key=lambda each: each.profile.distinct):
        if column is time or column.missing or column.kind == "number" or not 2 <= column.profile.distinct <= KEYS_MAX:
            continue
        apart: defaultdict[str, list[int]] = defaultdict(list)
        for text, at in zip(column.texts, instants, strict=True):
            if text is not None and at is not None:
                apart[text].append(at)
        periods = [period_of(each) for each in apart.values()]
        if all(periods) and max(filter(None, periods)) <= 1.1 * min(filter(None, periods)):
            return column, periods[0] or HOUR
    return None


def find_levels(columns: list[Column], taken: Sequence[Column | None]) -> list[Column]:
    """Numbers that rise and fall: neither constant nor a counter nor an id."""
    return [
        each
        for each in columns
        if each not in taken
        and each.numeric
        and each.profile.distinct > 2
        and not is_id(each.path)
        and not is_personal(each.path, [])
        and not _counter(each)
    ]


def _counter(column: Column) -> bool:
    found = [float(each) for each in column.texts if each is not None and _is_number(each)]
    return len(found) > 2 and all(after > before for before, after in pairwise(found))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
