"""Values that look like trouble, and the columns that tell of it."""

import re
from dataclasses import dataclass

from forestall.newpack.columns import Column
from forestall.newpack.names import words

_STEMS = tuple(
    re.split(
        r"\s+",
        "error fail cancel refus reject declin timeout timedout abort crash denied deny lost invalid return refund "
        "chargeback exception fatal critical unavailable expir bounc drop down offline unhealthy broken fault block "
        "overdue delayed missed dead killed unpaid storno severe emergency alert panic",
    )
)
_OPPOSITE = frozenset({"success", "successful", "succeeded", "ok", "healthy", "valid", "available", "passed"})
_STATUS = frozenset({"status", "state", "outcome", "result", "level", "severity", "type", "event", "kind", "code"})
CATEGORIES_MAX = 50
VALUES_MAX = 8
SHARE_MAX = 0.5
"""What happens more often than that is no exception."""
PREFIX_MIN, PREFIX_MAX = 0.002, 0.4


@dataclass(frozen=True, slots=True)
class Trouble:
    """Events to count: those whose `column` has one of `values`, or begins with `prefix`."""

    column: Column
    values: tuple[str, ...] = ()
    prefix: str | None = None

    def holds(self, text: str | None) -> bool:
        if text is None:
            return False
        return text in self.values if self.prefix is None else text.startswith(self.prefix)

    @property
    def count(self) -> int:
        return sum(times for text, times in self.column.profile.counts.items() if self.holds(text))

    @property
    def share(self) -> float:
        return self.count / max(len(self.column.texts), 1)


def find_trouble(columns: list[Column]) -> list[Trouble]:
    """Best first: a status by its words, flags, status codes, then codes of which a few have a letter in front."""
    found = [each for column in columns for each in (_by_words(column), _by_flag(column), _by_code(column)) if each]
    found = [each for each in found if 0 < each.share <= SHARE_MAX]
    found.sort(key=lambda each: not set(words(each.column.path)) & _STATUS)
    return found or [each for column in columns if (each := _by_prefix(column)) and each.share <= SHARE_MAX]


def is_trouble(text: str) -> bool:
    """Whether a value's words speak of something that went wrong."""
    found = words(text)
    joined = "".join(found)
    if found[:1] in (["no"], ["not"], ["un"]) and found[1:] and found[1] in _OPPOSITE:
        return True
    if found[:1] in (["no"], ["not"], ["non"]):
        return False
    return joined in ("ko", "nok", "timedout") or any(each.startswith(_STEMS) for each in found)


def _by_words(column: Column) -> Trouble | None:
    if column.kind != "text" or column.profile.distinct > CATEGORIES_MAX:
        return None
    values = [text for text, _ in column.profile.counts.most_common() if is_category(text) and is_trouble(text)]
    return Trouble(column, tuple(sorted(values[:VALUES_MAX]))) if values else None


def is_category(text: str) -> bool:
    """Short words without digits: the name of a kind, not of a person or a thing."""
    return (
        len(text) <= 40
        and text.isascii()
        and not any(each.isdigit() or each in "@/\\" for each in text)
        and (1 <= len(text.split()) <= 4)
    )


def _by_flag(column: Column) -> Trouble | None:
    """`is_error: true`, `failed: 1`, `success: false`."""
    values = {text.lower(): text for text in column.profile.counts}
    if not values or not (set(values) <= {"true", "false"} or set(values) <= {"0", "1"}):
        return None
    named = words(column.path)
    bad = (
        {"true", "1"} if is_trouble(named[-1] if named else "") else {"false", "0"} if set(named) & _OPPOSITE else set()
    )
    hit = [text for low, text in values.items() if low in bad]
    return Trouble(column, tuple(hit)) if hit else None


def _by_code(column: Column) -> Trouble | None:
    """HTTP's server errors."""
    if column.kind != "integer" or not set(words(column.path)) & {"status", "code", "http"}:
        return None
    codes = list(column.profile.counts)
    if not all(each.isdecimal() and len(each) == 3 and "100" <= each <= "599" for each in codes):
        return None
    bad = sorted(each for each in codes if each >= "500")
    return Trouble(column, tuple(bad[:VALUES_MAX])) if bad else None


def _by_prefix(column: Column) -> Trouble | None:
    """Numbers of which a minority has one and the same letter in front (credit notes, reversals)."""
    counts = column.profile.counts
    if column.kind != "text" or len(counts) < CATEGORIES_MAX:
        return None
    plain = sum(text.isdecimal() for text in counts)
    lettered = [text for text in counts if text[:1].isalpha() and text[:1].isascii() and text[1:].isdecimal()]
    firsts = {text[0] for text in lettered}
    usual = max(sorted(firsts), key=lambda letter: sum(text[0] == letter for text in lettered), default="")
    prefixed = sum(text.startswith(usual) for text in lettered) if usual else 0
    fits = plain + prefixed >= 0.98 * len(counts) and PREFIX_MIN <= prefixed / len(counts) <= PREFIX_MAX
    return Trouble(column, prefix=usual) if fits else None
