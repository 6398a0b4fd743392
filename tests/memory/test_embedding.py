"""Embedders: what every one of them keeps, and what each promises of its own."""

import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory import Embedder, HashingEmbedder, InstallExtra, UntrustedModel, choose_embedder
from memory.sentence_transformer import verify_model

_TEXTS = ["Orders are late in Leeds", "", "Vibration of pump 7 rises", "Ünïcode – 数え切れない", "x" * 5_000]


@pytest.fixture(params=["hashing", pytest.param("all-minilm-l6-v2", marks=pytest.mark.needs("embeddings"))])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    return choose_embedder(request.param)


def test_rows_are_unit_float32_and_empty_text_is_zero(embedder: Embedder) -> None:
    for text, row in zip(_TEXTS, embedder.embed(_TEXTS), strict=True):
        assert row.dtype == np.float32
        assert row.shape == (embedder.dimensions,)
        assert np.linalg.norm(row) == pytest.approx(1.0 if text else 0.0, abs=1e-5)


def test_a_vector_depends_on_its_own_text_alone(embedder: Embedder) -> None:
    together = embedder.embed(_TEXTS)
    backwards = embedder.embed(_TEXTS[::-1])[::-1]
    alone = [embedder.embed([text])[0] for text in _TEXTS]
    for first, second, third in zip(together, backwards, alone, strict=True):
        assert first.tobytes() == second.tobytes() == third.tobytes()


def test_a_paraphrase_is_nearer_than_another_subject(embedder: Embedder) -> None:
    question, near, far = embedder.embed(
        ["orders shipped late", "late shipment of an order", "coolant pressure is low"]
    )
    assert question @ near > question @ far + 0.1


def test_hashing_vector_is_pinned() -> None:
    """Decision digests hold similarities: another vector needs another embedder version."""
    embedder = HashingEmbedder()
    [row] = embedder.embed(["Late orders from warehouse Leeds, 213 against 40 expected"])
    assert embedder.name == "hashing-512@1"
    found = hashlib.sha256(np.round(row * 4000).astype("<i2").tobytes()).hexdigest()
    assert found == "8d37e474d4ae117e8657c35cbe7986428812edd073269f0f289d536f14218e8a"


def test_hashing_folds_case_and_width_and_splits_names() -> None:
    plain, shouted, wide, joined = HashingEmbedder().embed(
        ["late orders", "LATE Orders!", "ｌate orders", "late_orders"]
    )
    assert plain.tobytes() == shouted.tobytes() == wide.tobytes() == joined.tobytes()


@given(st.text(max_size=200))
def test_hashing_takes_any_text(text: str) -> None:
    [row] = HashingEmbedder(64).embed([text])
    assert np.linalg.norm(row) == pytest.approx(1.0, abs=1e-5) or not row.any()


def test_unknown_embedder_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match="'word2vec' is not known; choose one of hashing, all-minilm-l6-v2"):
        choose_embedder("word2vec")


@pytest.mark.skipif(
    importlib.util.find_spec("sentence_transformers") is not None, reason="the extra `embeddings` is installed"
)
def test_missing_extra_is_named() -> None:
    with pytest.raises(InstallExtra, match=r"pip install 'forestall\[embeddings\]'"):
        choose_embedder("all-minilm-l6-v2")


def test_model_file_must_be_the_pinned_one(tmp_path: Path) -> None:
    pinned = {"weights": hashlib.sha256(b"good").hexdigest()}
    with pytest.raises(UntrustedModel, match="weights is missing"):
        verify_model(tmp_path, pinned)
    (tmp_path / "weights").write_bytes(b"evil")
    with pytest.raises(UntrustedModel, match="pinned is"):
        verify_model(tmp_path, pinned)
    (tmp_path / "weights").write_bytes(b"good")
    verify_model(tmp_path, pinned)
