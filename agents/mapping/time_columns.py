"""A column of written times at once: what `instants.instant` makes of each, and which rows are doubtful."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import repeat
from operator import mul
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.mapping.instants import FIRST, LAST, UNIT, instant
from agents.mapping.layouts import layout_of
from agents.mapping.value_columns import NUMBERS, plain, written
from agents.mapping.values import text_of
from contracts import EPOCHS, HOUR, TimeSpec, zone_of

MAX_LENGTHS = 8
"""Lengths of texts in a batch up to which each is read at once; a fraction of a second may be cut or left out."""
_EPOCH_MAX_DIGITS = 18
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - local times are counted from it
_MICROSECOND = timedelta(microseconds=1)


def instants_of(values: Sequence[Any], spec: TimeSpec, doubted: set[int]) -> list[int]:
    """Microseconds (UTC); 0 where the row is doubted."""
    kinds = set(map(type, values))
    found: Sequence[int | None] | None = None
    if spec.format in EPOCHS:
        found = _since_epoch(values, kinds, UNIT[spec.format])
    elif kinds == {str}:
        found = calendar(values, spec.format, spec.zone)
    if found is None:
        found = [None] * len(values)
    elif None not in found:
        return found  # type: ignore[return-value]
    known: dict[str, int] = {}
    return [_alone(values[place], spec, known, place, doubted) if at is None else at for place, at in enumerate(found)]


def _alone(value: Any, spec: TimeSpec, known: dict[str, int], place: int, doubted: set[int]) -> int:
    if value is None:
        doubted.add(place)
        return 0
    try:
        text = text_of(value)
        if text not in known:
            known[text] = instant(text, spec)
    except (ValueError, OverflowError):
        doubted.add(place)
        return 0
    return known[text]


def _since_epoch(values: Sequence[Any], kinds: set[type], unit: int) -> list[int] | None:
    if kinds == {int}:
        found = list(map(mul, values, repeat(unit)))
    elif kinds and kinds <= NUMBERS:
        texts = written(values)
        if max(map(len, texts)) > _EPOCH_MAX_DIGITS or not plain(texts) or (str in kinds and "." in "".join(texts)):
            return None
        try:
            found = list(map(round, map(mul, map(Decimal, texts), repeat(unit))))
        except ArithmeticError:
            return None
    else:
        return None
    return found if min(found) >= FIRST and max(found) <= LAST else None


def calendar(texts: Sequence[str], form: str, zone: str | None) -> list[int | None] | None:
    """Microseconds (UTC) of times of a calendar. None for one, or for all, that has to be read by itself."""
    lengths = set(map(len, texts))
    if len(lengths) == 1:
        return _alike(texts, form, zone)
    if len(lengths) > MAX_LENGTHS:
        return None
    found: list[int | None] = [None] * len(texts)
    for length in lengths:
        places = [place for place, text in enumerate(texts) if len(text) == length]
        read = _alike([texts[place] for place in places], form, zone)
        for place, at in zip(places, read or repeat(None), strict=False):
            found[place] = at
    return found


def _alike(texts: Sequence[str], form: str, zone: str | None) -> list[int | None] | None:
    """Of texts of one length."""
    joined = "".join(texts)
    layout = layout_of(texts[0], form)
    if layout is None or not joined.isascii():
        return None
    signs = np.frombuffer(joined.encode(), dtype=np.uint8).reshape(len(texts), -1)
    micros, sure = layout.read(signs)
    if not layout.in_utc:
        if zone is None:
            return None
        micros, known = _to_utc(np.where(sure, micros, 0), zone)
        sure &= known
    sure &= (micros >= FIRST) & (micros <= LAST)
    if sure.all():
        return micros.tolist()  # type: ignore[no-any-return]
    return [at if fits else None for at, fits in zip(micros.tolist(), sure.tolist(), strict=True)]


def _to_utc(local: NDArray[np.int64], zone: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Zones change their offset once in an hour at most: where it is the same at both ends, it is between them."""
    hours, which = np.unique(local // HOUR, return_inverse=True)
    offsets = [_offset(zone, hour) for hour in hours.tolist()]
    known = np.array([offset is not None for offset in offsets])
    shift = np.array([offset or 0 for offset in offsets], dtype=np.int64)
    return local - shift[which], known[which]


@lru_cache(maxsize=65_536)
def _offset(zone: str, hour: int) -> int | None:
    """Microseconds ahead of UTC during that hour (since 1970, local); None where it changes, or is not known."""
    at: Callable[[datetime], timedelta | None] = zone_of(zone).utcoffset
    try:
        begin = _EPOCH + timedelta(hours=hour)
        ends = (begin, begin + timedelta(hours=1) - _MICROSECOND)
        found = {at(end.replace(tzinfo=zone_of(zone), fold=fold)) for end in ends for fold in (0, 1)}
    except (OverflowError, ValueError):
        return None
    (offset,) = found if len(found) == 1 else (None,)
    return None if offset is None else offset // _MICROSECOND
