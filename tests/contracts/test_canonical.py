"""Canonical JSON: the quick way writes what RFC 8785's own library writes."""

import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from contracts import canonical
from contracts.base import _plain

ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.decimals()
)
VALUES = st.recursive(
    ATOMS, lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner)
)


@given(VALUES)
@example({"\ufb33": 1, "\U0001f600": 2, "a": '\x00\x1f\x7f"\\\b\f\n\r\t\u2028é'})
@example([2**53, -(2**53), 2**53 - 1, 1.0, 1e21, -0.0])
def test_both_ways_write_the_same(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(_plain(value))
