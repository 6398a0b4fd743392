"""Which column tells when an event happened."""

from dataclasses import dataclass
from datetime import tzinfo
from itertools import pairwise

from contracts import zone_of
from forestall.newpack.columns import MOSTLY, Column
from forestall.newpack.errors import SampleFault
from forestall.newpack.instants import Read, form_of, nanoseconds, reader
from forestall.newpack.names import is_id, words

ENOUGH = 0.5
"""The share of documents that must name a time for a column to be taken; what has none becomes a dead letter."""
_BEST = {"occurred": 6, "happened": 6, "event": 5, "timestamp": 5, "ts": 5, "datetime": 5, "time": 4, "at": 3}
_GOOD = {"created": 3, "date": 3, "when": 3, "logged": 3, "recorded": 3, "published": 1, "received": 1, "updated": -1}
_BAD = frozenset(
    {"birth", "dob", "birthday", "due", "expires", "expiry", "valid", "promised", "planned", "until", "end"}
)


@dataclass(frozen=True, slots=True)
class TimeColumn:
    """`reads` holds one instant a document, None where it has none. `doubtful`: day and month could be swapped."""

    column: Column
    form: str
    doubtful: bool
    reads: list[Read | None]

    @property
    def path(self) -> str:
        return self.column.path

    @property
    def names_no_zone(self) -> int:
        return sum(each is not None and each.offset is None for each in self.reads)

    @property
    def unreadable(self) -> int:
        return sum(each is None for each in self.reads)


def find_time(columns: list[Column], wished: str | None, zone: str | None) -> tuple[TimeColumn, tuple[str, ...]] | None:
    """The time column, and the others that could be it, best first; None where no column holds a time.

    Raises:
        SampleFault: the column that was wished for holds no time.
    """
    assumed = zone_of(zone or "UTC")
    if wished is not None:
        return _wished(next(each for each in columns if each.path == wished), assumed), ()
    found = [(_score(each), -place, each) for place, each in enumerate(columns) if _may_be(each)]
    ranked = [each for score, _, each in sorted(found, key=lambda one: one[:2], reverse=True) if score > 0]
    if not ranked:
        return None
    others = tuple(each.path for each in ranked[1:])
    return _read(ranked[0], assumed), others


def _wished(column: Column, zone: tzinfo) -> TimeColumn:
    texts = [each for each in column.texts if each is not None]
    found = form_of(texts)
    if found is None or found[1] < ENOUGH:
        shown = repr(texts[0][:40]) if texts else "nothing"
        known = "known are ISO 8601, seconds, milli- and microseconds since 1970, and common dates"
        fault = f"{column.path}: holds no time that can be read, such as {shown}; {known}"
        raise SampleFault(fault, "Name another with --time, or write the pack by hand: format takes any strptime form.")
    return _read(column, zone)


def _may_be(column: Column) -> bool:
    texts = [each for each in column.texts if each is not None]
    if len(texts) < ENOUGH * len(column.texts) or column.kind == "boolean":
        return False
    found = form_of(texts)
    return found is not None and found[1] >= MOSTLY


def _read(column: Column, zone: tzinfo) -> TimeColumn:
    form, _, doubtful = form_of([each for each in column.texts if each is not None]) or ("iso", 0.0, False)
    read, known = reader(form, zone), dict[str, Read | None]()
    for text in column.profile.counts:
        known[text] = read(text.strip())
    return TimeColumn(column, form, doubtful, [None if each is None else known[each] for each in column.texts])


def _score(column: Column) -> float:
    """By name, by order, by completeness, and by whether the time of day is told."""
    found = set(words(column.path))
    score = float(max((_BEST | _GOOD).get(each, 0) for each in found)) if found else 0.0
    score -= 6 * bool(found & _BAD)
    read = _read(column, zone_of("UTC"))
    instants = [each.at for each in read.reads if each is not None]
    steps = list(pairwise(instants))
    forward = sum(after >= before for before, after in steps)
    ordered = max(forward, len(steps) - forward) / max(len(steps), 1)
    if read.form.startswith("epoch") and not score and (is_id(column.path) or ordered < MOSTLY):
        return 0.0
    daily = all(each % 86_400_000_000 == 0 for each in instants)
    return score + 3 * (ordered >= MOSTLY) + (not daily) + (not column.missing) + 0.5


def no_time(origin: str, columns: list[Column], word: str) -> SampleFault:
    """What to say where nothing tells when a row happened."""
    shown = ", ".join(f"{each.path} ({each.kind})" for each in columns[:20]) or "none"
    more = f" and {len(columns) - 20} more" if len(columns) > 20 else ""
    lines = [f"{origin}: no column holds a time that can be read; its columns: {shown}{more}"]
    lines += [
        f"{each.path} looks like nanoseconds since 1970; send micro- or milliseconds"
        for each in columns
        if nanoseconds([text for text in each.texts if text is not None])
    ]
    return SampleFault("\n".join(lines), f"Name the one that tells when a {word} happened: --time COLUMN.")
