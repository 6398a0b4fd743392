"""The columns of a sample: what kind of values each has, how many, how many different ones."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Literal

DEPTH_MAX = 8
COLUMNS_MAX = 200
PATH_MAX_CHARACTERS = 256
"""Bounds on what is looked at; a mapping takes no longer path."""
PLACEHOLDERS_MAX = 10
MOSTLY = 0.9

Kind = Literal["text", "integer", "number", "boolean", "nested"]
_INTEGER = re.compile(r"[+-]?(0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_CODE = re.compile(r"0[0-9]+")
_BOOLEANS = frozenset({"true", "false"})


@dataclass(slots=True)
class Column:
    """One path through the documents. `texts` holds its value in each of them as text, None where there is none.

    `natives` counts the JSON types that occurred; `nested` those that are a list, bytes or too deep, which nothing
    can use.
    """

    path: str
    texts: list[str | None]
    natives: Counter[str] = field(default_factory=Counter)
    nested: int = 0
    profile: "Profile" = field(init=False)

    def __post_init__(self) -> None:
        self.profile = Profile(self.texts)

    @property
    def kind(self) -> Kind:
        return "nested" if self.nested > self.profile.present else self.profile.kind

    @property
    def unusable(self) -> str:
        """Why nothing can use it, in words; "" of what can be used."""
        if self.kind != "nested":
            return ""
        return "holds bytes" if self.natives["bytes"] else "is a list"

    @property
    def numeric(self) -> bool:
        return self.kind in ("integer", "number")

    @property
    def missing(self) -> int:
        return len(self.texts) - self.profile.present

    @property
    def mixed(self) -> str | None:
        """What kinds of values it mixes, in words; None where it holds one kind."""
        if len(self.natives) > 1:
            return ", ".join(f"{name} {number:,}" for name, number in self.natives.most_common())
        odd = self.profile.odd
        return f"numbers {self.profile.present - odd:,}, text {odd:,}" if odd and self.numeric else None


class Profile:
    """What the present values of a column have in common."""

    def __init__(self, texts: Iterable[str | None]) -> None:
        self._texts = texts

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each value occurs."""
        return Counter(each for each in self._texts if each is not None)

    @cached_property
    def present(self) -> int:
        return sum(self.counts.values())

    @property
    def distinct(self) -> int:
        return len(self.counts)

    @cached_property
    def kind(self) -> Literal["text", "integer", "number", "boolean"]:
        """A few placeholders (`n/a`, `-`) among numbers do not make a text of them; codes such as 007 are text."""
        if self.present and {each.lower() for each in self.counts} <= _BOOLEANS:
            return "boolean"
        stripped = [each.strip() for each in self.counts]
        if not self.present or any(_CODE.fullmatch(each) for each in stripped):
            return "text"
        if self.odd and (self.odd > (1 - MOSTLY) * self.present or self._odd_values > PLACEHOLDERS_MAX):
            return "text"
        return "integer" if all(_INTEGER.fullmatch(each) for each in stripped if number(each) is not None) else "number"

    @cached_property
    def odd(self) -> int:
        """Values that are no numbers."""
        return sum(times for text, times in self.counts.items() if number(text) is None)

    @property
    def _odd_values(self) -> int:
        return sum(number(text) is None for text in self.counts)


def number(text: str) -> float | None:
    """A finite number as the mapping would read it, or None."""
    stripped = text.strip()
    if not _NUMBER.fullmatch(stripped):
        return None
    found = float(stripped)
    return found if math.isfinite(found) else None


def columns_of(documents: list[Mapping[str, object]]) -> tuple[list[Column], int]:
    """The columns in the order in which they first occur, and how many more there were than are looked at."""
    found: dict[str, Column] = {}
    refused: set[str] = set()
    rows = len(documents)
    for row, document in enumerate(documents):
        for path, value in leaves(document):
            column = found.get(path)
            if column is None:
                if len(found) >= COLUMNS_MAX or not _can_be_written(path):
                    refused.add(path)
                    continue
                column = found[path] = Column(path, [None] * rows)
            _enter(column, row, value)
    return list(found.values()), len(refused)


def _can_be_written(path: str) -> bool:
    return len(path) <= PATH_MAX_CHARACTERS and not any("\ud800" <= each <= "\udfff" for each in path)


def _enter(column: Column, row: int, value: object) -> None:
    if isinstance(value, bool):
        column.texts[row], native = ("true" if value else "false"), "true/false"
    elif isinstance(value, int | Decimal | float):
        column.texts[row], native = str(value), "numbers"
    elif isinstance(value, str) and value.isprintable():
        column.texts[row], native = value, "text"
    elif isinstance(value, str):
        column.texts[row], native = value.encode("utf-8", "replace").decode(), "text"
    else:
        column.nested += 1
        native = "bytes" if isinstance(value, bytes) else "lists"
    column.natives[native] += 1


def leaves(document: Mapping[str, object], prefix: str = "", depth: int = 1) -> Iterator[tuple[str, object]]:
    """Every value with its dotted path; an absent or empty one is left out, a list is a value that nothing can use.

    Below the first level a name with dots cannot be told from a path, and is left out.
    """
    for name, value in document.items():
        if value is None or value == "" or not name or (prefix and "." in name):
            continue
        path = f"{prefix}{name}"
        if isinstance(value, Mapping) and depth < DEPTH_MAX:
            yield from leaves(value, f"{path}.", depth + 1)
        else:
            yield path, value
