"""The rule of a condition: one place for what counters, `keep` and reflexes ask."""

from typing import Any

import pytest

from contracts import Where


@pytest.mark.parametrize(
    ("test", "passing", "failing"),
    [
        ({"equals": "paid"}, ["paid"], ["Paid", "", None, 1]),
        ({"equals": 3}, [3, 3.0], ["3", None]),
        ({"prefix": "G"}, ["G", "GB"], ["DE", "", 7, None]),
        ({"one_of": ["paid", 2]}, ["paid", 2], ["2", ["paid"], None]),
        ({"one_of": [None, "paid"]}, ["paid"], [None]),
    ],
)
def test_a_condition_is_compiled_to_a_test_of_the_value(
    test: dict[str, Any], passing: list[Any], failing: list[Any]
) -> None:
    passes = Where.model_validate({"field": "status", **test}).compiled()
    assert [value for value in passing if not passes(value)] == []
    assert [value for value in failing if passes(value)] == []
