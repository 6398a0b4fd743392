"""Cells to values."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.mapping.values import CONVERT, EXACT, text_of


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("string", " as is ", " as is "),
        ("integer", " -12 ", -12),
        ("integer", "+7", 7),
        ("integer", str(EXACT), EXACT),
        ("number", "-1.5e3", -1500.0),
        ("number", ".5", 0.5),
        ("decimal", "2.50", "2.50"),
        ("decimal", "+0.0000001", "0.0000001"),
        ("boolean", "Yes", True),
        ("boolean", "0", False),
    ],
)
def test_a_value_is_converted(kind, text, value):
    converted = CONVERT[kind](text)
    assert converted == value
    assert type(converted) is type(value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("integer", "1_000"),
        ("integer", "1.0"),
        ("integer", "٣"),
        ("integer", str(EXACT + 1)),
        ("integer", "9" * 5000),
        ("number", "nan"),
        ("number", "inf"),
        ("number", "1e999"),
        ("number", "1,5"),
        ("decimal", "1e5"),
        ("decimal", "NaN"),
        ("decimal", "."),
        ("decimal", "9" * 41),
        ("boolean", "maybe"),
    ],
)
def test_what_is_no_value_is_refused(kind, text):
    with pytest.raises(ValueError, match=r"^no "):
        CONVERT[kind](text)


@settings(deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9))
def test_a_decimal_keeps_its_value(value):
    assert Decimal(str(CONVERT["decimal"](str(value) if "E" not in str(value) else format(value, "f")))) == value


def test_cells_as_text():
    assert [text_of(cell) for cell in ("ä", 7, Decimal("2.50"), True, False)] == ["ä", "7", "2.50", "true", "false"]
    for cell in (["a"], {"a": 1}, "\udcff"):
        with pytest.raises(ValueError, match=r"not UTF-8|an array or an object"):
            text_of(cell)
