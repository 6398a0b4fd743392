"""Text to vectors: the protocol, and the choice of an embedder by name."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
"""One row of `dimensions` float32 numbers, of length 1; a text without a word is all zeros."""

EMBEDDERS = ("hashing", "all-minilm-l6-v2")


class Embedder(Protocol):
    """Turns texts into vectors whose inner product says how alike the texts are.

    The vector of a text depends on that text alone, not on its neighbours in the call.
    """

    @property
    def name(self) -> str:
        """Names model and version: vectors of two names are not comparable."""
        ...

    @property
    def dimensions(self) -> int: ...

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        """One vector a text, in the texts' order."""
        ...


def choose_embedder(name: str = "hashing") -> Embedder:
    """The embedder of that name: `hashing` (core) or `all-minilm-l6-v2` (extra `embeddings`).

    Raises:
        ValueError: no embedder has that name.
        InstallExtra: it needs an extra that is not installed.
        UntrustedModel: its model file is not the pinned one.
    """
    if name == "hashing":
        from memory.hashing import HashingEmbedder

        return HashingEmbedder()
    if name == "all-minilm-l6-v2":
        from memory.sentence_transformer import SentenceTransformerEmbedder

        return SentenceTransformerEmbedder()
    raise ValueError(f"embedder: {name!r} is not known; choose one of {', '.join(EMBEDDERS)}")
