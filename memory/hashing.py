"""An embedder without a model: hashed words, word pairs and character n-grams."""

import hashlib
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np

from memory.embedding import Vector

_WORD = re.compile(r"[^\W_]+")
_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be been by for from had has have in into is it its of on or since so than that the their"
        " then there these they this to was were when which while who will with",
    )
)
_N_GRAMS = range(3, 6)
_PAIR_WEIGHT = 0.5
_SUBWORDS_OF = 40
"""Characters of a word that are cut into n-grams: what is longer is no word."""
_KEPT_TEXTS = 1_024
"""Texts whose vectors are kept: 2 MB at 512 dimensions."""


@lru_cache(maxsize=65_536)
def _hash(feature: str) -> int:
    return int.from_bytes(hashlib.blake2b(feature.encode(), digest_size=8).digest(), "big")


def _words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return [word for word in _WORD.findall(folded) if word not in _STOP_WORDS]


@lru_cache(maxsize=8_192)
def _n_grams(word: str) -> tuple[str, ...]:
    edged = f"<{word[:_SUBWORDS_OF]}>"
    return tuple(edged[start : start + n] for n in _N_GRAMS for start in range(len(edged) - n + 1))


def _features(words: Sequence[str]) -> Iterator[tuple[str, float]]:
    for word in words:
        yield f"w:{word}", 1.0
        if not word.isdigit() and (grams := _n_grams(word)):
            # Together a word's n-grams weigh as much as the word itself, however long it is.
            weight = 1.0 / math.sqrt(len(grams))
            yield from ((f"c:{gram}", weight) for gram in grams)
    yield from ((f"p:{first} {second}", _PAIR_WEIGHT) for first, second in pairwise(words))


class HashingEmbedder:
    """Signed feature hashing (Weinberger et al., 2009) of words, word pairs and subwords (Bojanowski et al., 2017).

    A feature that occurs `n` times weighs the square root of `n`. Bucket and sign come from BLAKE2b, so a text has the
    same vector in every process. It sees shared words and stems, not synonyms.
    """

    def __init__(self, dimensions: int = 512) -> None:
        if dimensions < 2:
            raise ValueError(f"dimensions: {dimensions}; at least 2, better 256 to 512")
        self._dimensions = dimensions
        self._embedded = lru_cache(maxsize=_KEPT_TEXTS)(self._embed)  # an incident's situation is asked for twice

    @property
    def name(self) -> str:
        return f"hashing-{self._dimensions}@1"

    @property
    def dimensions(self) -> int:
        return self._dimensions

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        return [self._embedded(text) for text in texts]

    def _embed(self, text: str) -> Vector:
        features = list(_features(_words(text)))
        counts = Counter(feature for feature, _ in features)
        row = np.zeros(self._dimensions)
        for feature, weight in dict(features).items():
            hashed = _hash(feature)
            sign = 1.0 if hashed & 1 else -1.0
            row[(hashed >> 1) % self._dimensions] += sign * weight * math.sqrt(counts[feature])
        # fsum rounds once, so the length does not depend on the order of a processor's additions.
        length = math.sqrt(math.fsum(row * row))
        vector = (row / length if length else row).astype(np.float32)
        vector.setflags(write=False)
        return vector
