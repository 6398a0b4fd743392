"""The tests of `where`, ready to be asked."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from contracts import Where


def keeps(where: Sequence[Where], data: Mapping[str, Any]) -> bool:
    """Whether an event's data passes every test."""
    return all(_test(each)(data.get(each.field)) for each in where)


def tests_of(where: Sequence[Where]) -> list[Callable[[Any], bool]]:
    """One test a condition, of the field's value; a missing field (None) passes none."""
    return [_test(each) for each in where]


def _test(where: Where) -> Callable[[Any], bool]:
    if where.prefix is not None:
        prefix = where.prefix
        return lambda value: isinstance(value, str) and value.startswith(prefix)
    if where.one_of is not None:
        allowed = where.one_of
        return lambda value: value in allowed
    wanted = where.equals
    return lambda value: bool(value == wanted)
