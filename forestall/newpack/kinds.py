"""What the documents are: CloudEvents or plain ones, and of which types."""

from collections.abc import Mapping
from typing import Literal

from forestall.newpack.columns import Column
from forestall.newpack.errors import WishFault
from forestall.newpack.names import slug, words
from forestall.newpack.plan import TypePlan
from forestall.newpack.sample import Sample
from forestall.newpack.trouble import is_category, is_trouble

ENVELOPE = ("specversion", "id", "source", "type", "time", "data")
TYPES_MAX = 31
_TYPE_WORDS = frozenset({"type", "event", "kind", "action", "eventtype"})
_GUESSED_MAX = 12


def recognised(sample: Sample) -> tuple[Literal["cloudevents", "plain"], list[Mapping[str, object]]]:
    """CloudEvents are looked at by what their `data` holds at its first level, and by type and time.

    Records in Avro are plain, whatever their fields are called: events are read as JSON.
    """
    if sample.format == "avro" or not all(_is_event(each) for each in sample.documents):
        return "plain", list(sample.documents)
    return "cloudevents", [_inner(each) for each in sample.documents]


def _is_event(document: Mapping[str, object]) -> bool:
    texts = all(isinstance(document.get(name), str) for name in ENVELOPE[:-1])
    return texts and document["specversion"] == "1.0" and isinstance(document.get("data"), dict)


def _inner(document: Mapping[str, object]) -> Mapping[str, object]:
    data = document["data"]
    assert isinstance(data, dict)
    flat = {
        name: value
        for name, value in data.items()
        if not isinstance(value, dict) and name == slug(name, "_") and name not in ("type", "time")
    }
    return {"type": document["type"], "time": document["time"], **flat}


def type_plan(pack: str, columns: list[Column], wished: str | None, *, cloudevents: bool) -> TypePlan:
    """One type for all, or the values of a column that says what happened.

    Raises:
        WishFault: the column that was asked for has too many values to be a type.
    """
    by_path = {each.path: each for each in columns}
    if cloudevents:
        first, *rest = sorted(by_path["type"].profile.counts)
        return TypePlan(first, None, tuple((each, each) for each in rest))
    default = f"{pack}.recorded"
    if wished is not None:
        values = sorted(by_path[wished].profile.counts)
        if len(values) > TYPES_MAX:
            raise WishFault(f"--type {wished}: has {len(values):,} different values; a type has at most {TYPES_MAX}")
        return TypePlan(default, wished, _cases(pack, values))
    for column in columns:
        counts = column.profile.counts
        named = words(column.path)
        if named and named[-1] in _TYPE_WORDS and not column.missing and 2 <= len(counts) <= _GUESSED_MAX:
            bad = [each for each in sorted(counts) if is_trouble(each)]
            if bad and len(bad) < len(counts) and all(is_category(each) for each in counts):
                return TypePlan(default, column.path, _cases(pack, bad))
    return TypePlan(default)


def _cases(pack: str, values: list[str]) -> tuple[tuple[str, str], ...]:
    """A type for each value; names that fall together get a number."""
    taken: dict[str, str] = {}
    for value in values:
        wanted = f"{pack}.{slug(value, 'type')}"
        name, number = wanted, 2
        while name in taken.values():
            name, number = f"{wanted}_{number}", number + 1
        taken[value] = name
    return tuple(taken.items())
