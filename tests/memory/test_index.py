"""The exact index, against a brute-force model."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory import ExactIndex, Scope
from memory.embedding import Vector

_HERE = Scope("retail", "acme")
_ELSEWHERE = Scope("retail", "rival")


def _unit(*numbers: float) -> Vector:
    row = np.array(numbers, np.float64)
    return (row / (np.linalg.norm(row) or 1.0)).astype(np.float32)


_vectors = st.tuples(*[st.integers(-3, 3)] * 3).map(lambda numbers: _unit(*numbers))
_upserts = st.lists(
    st.tuples(st.sampled_from((_HERE, _ELSEWHERE)), st.integers(0, 50), _vectors, st.integers(0, 3)), max_size=60
)


@given(_upserts, _vectors, st.integers(1, 60), st.sampled_from((None, 0, 2)))
def test_equals_a_full_sort(
    upserts: list[tuple[Scope, int, Vector, int]], query: Vector, k: int, as_of: int | None
) -> None:
    index = ExactIndex(3)
    model: dict[int, tuple[Vector, int]] = {}
    for scope, number, vector, at in upserts:
        index.upsert(scope, str(number), vector, at)
        if scope == _HERE:
            model[number] = (vector, at)
    hits = index.search(_HERE, query, k, as_of)
    visible = {number: vector for number, (vector, at) in model.items() if as_of is None or at <= as_of}
    expected = {str(number): float(vector @ query) for number, vector in visible.items()}
    assert len(hits) == min(k, len(expected))
    for hit in hits:
        assert hit.similarity == pytest.approx(expected[hit.id], abs=1e-3)
    assert hits == sorted(hits, key=lambda hit: (-hit.similarity, hit.id))
    worst = min((hit.similarity for hit in hits), default=2.0)
    left_out = set(expected) - {hit.id for hit in hits}
    assert all(expected[id] <= worst + 1e-3 for id in left_out)


def test_ties_at_the_cut_go_to_the_smallest_ids_whatever_the_insertion_order() -> None:
    for ids in (["d", "b", "a", "c"], ["a", "c", "b", "d"]):
        index = ExactIndex(2)
        for id in ids:
            index.upsert(_HERE, id, _unit(1, 1))
        index.upsert(_HERE, "z", _unit(1, 0))
        assert [hit.id for hit in index.search(_HERE, _unit(1, 0), 3)] == ["z", "a", "b"]


def test_similarity_does_not_depend_on_the_row_or_the_neighbours() -> None:
    random = np.random.default_rng(7)
    rows = {f"{number:03}": _unit(*random.normal(size=384)) for number in range(200)}
    query = _unit(*random.normal(size=384))
    alone = {}
    for id, row in rows.items():
        single = ExactIndex(384)
        single.upsert(_HERE, id, row)
        alone[id] = single.search(_HERE, query, 1)[0].similarity
    together = ExactIndex(384)
    for id in reversed(rows):
        together.upsert(_HERE, id, rows[id])
    assert {hit.id: hit.similarity for hit in together.search(_HERE, query, 200)} == alone


def test_cosine_is_exact_for_equal_and_close_for_other_vectors() -> None:
    random = np.random.default_rng(11)
    index = ExactIndex(384)
    rows = {str(number): _unit(*random.normal(size=384)) for number in range(50)}
    for id, row in rows.items():
        index.upsert(_HERE, id, row)
    for hit in index.search(_HERE, rows["0"], 50):
        true = float(rows[hit.id].astype(np.float64) @ rows["0"].astype(np.float64))
        assert hit.similarity == (1.0 if hit.id == "0" else pytest.approx(true, abs=5e-4))


def test_upsert_replaces() -> None:
    index = ExactIndex(2)
    index.upsert(_HERE, "a", _unit(1, 0))
    index.upsert(_HERE, "a", _unit(0, 1))
    [hit] = index.search(_HERE, _unit(0, 1), 5)
    assert hit.similarity == 1.0


@pytest.mark.parametrize(
    ("vector", "rule"),
    [(np.ones(3, np.float32), "shape"), (np.ones(2, np.float32), "length"), (_unit(1, 0) * np.nan, "length")],
)
def test_what_is_no_unit_vector_of_this_index_is_refused(vector: Vector, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        ExactIndex(2).upsert(_HERE, "a", vector)
