"""Records are a sequence of bytes like any other, and know all of it at once."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import Records, repeats
from ledger.records import joined

NAMES = st.lists(st.binary(min_size=16, max_size=16), max_size=8)


@given(names=NAMES, places=st.data())
def test_they_are_what_went_in(names: list[bytes], places: st.DataObject) -> None:
    records = Records(b"".join(names), 16)
    assert list(records) == names
    assert len(records) == len(names)
    assert joined(records) == joined(names) == b"".join(names)
    assert list(records[1:3]) == names[1:3]
    if names:
        chosen = places.draw(st.lists(st.integers(0, len(names) - 1)))
        assert list(records.only(chosen)) == [names[place] for place in chosen]
        assert records[-1] == names[-1]
    with pytest.raises(IndexError):
        records[len(names)]


@pytest.fixture(autouse=True, scope="module", params=[0, 64])
def few(request: pytest.FixtureRequest) -> Iterator[None]:
    """Few are compared at once, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ledger.inbox_index.FEW", request.param)
        yield


@given(NAMES.flatmap(lambda names: st.permutations(names + names[:1])) | NAMES)
def test_repeats(names: list[bytes]) -> None:
    assert repeats(names) == repeats(Records(b"".join(names), 16)) == (len(set(names)) < len(names))


def test_names_that_begin_alike_are_no_repetition() -> None:
    assert not repeats([b"a" * 8 + b"b" * 8, b"a" * 8 + b"c" * 8])
