"""Vectors by id, and the nearest of them: the protocol and an exact index in memory."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from memory.embedding import Vector

_STEPS = 4_000
"""Quantisation steps a unit. Sums of products of two rows stay below 2**24, so float32 adds them without rounding."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose vectors: a search sees one scope and nothing else. `tenant` is empty for what belongs to the pack."""

    pack: str
    tenant: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """`similarity` is the cosine, -1 to 1, rounded to 6 digits."""

    id: str
    similarity: float


class VectorIndex(Protocol):
    """Nearest neighbours by cosine within a scope."""

    def upsert(self, scope: Scope, id: str, vector: Vector, at: int = 0) -> None:
        """Store or replace; `at` (microseconds) is the instant from which the vector may be found."""
        ...

    def search(self, scope: Scope, vector: Vector, k: int, as_of: int | None = None) -> list[Hit]:
        """The `k` most similar with `at <= as_of`, most similar first; equals in the order of their ids."""
        ...


class _Rows:
    """The vectors of one scope in one matrix that doubles when it is full."""

    def __init__(self, dimensions: int) -> None:
        self.matrix = np.zeros((16, dimensions), np.float32)
        self.squares = np.zeros(16)
        self.at = np.zeros(16, np.int64)
        self.ids: list[str] = []
        self.row_of: dict[str, int] = {}

    def put(self, id: str, quantised: Vector, at: int) -> None:
        row = self.row_of.get(id)
        if row is None:
            row = self.row_of[id] = len(self.ids)
            self.ids.append(id)
            if row == len(self.matrix):
                self._grow()
        self.matrix[row], self.squares[row], self.at[row] = quantised, float(quantised @ quantised), at

    def _grow(self) -> None:
        self.matrix = np.concatenate([self.matrix, np.zeros_like(self.matrix)])
        self.squares = np.concatenate([self.squares, np.zeros_like(self.squares)])
        self.at = np.concatenate([self.at, np.zeros_like(self.at)])

    def cosines(self, quantised: Vector) -> NDArray[np.float64]:
        count = len(self.ids)
        dots = (self.matrix[:count] @ quantised).astype(np.float64)
        lengths = np.sqrt(self.squares[:count] * float(quantised @ quantised))
        cosines: NDArray[np.float64] = np.zeros(count)
        np.divide(dots, lengths, out=cosines, where=lengths > 0)
        return cosines.round(6) + 0.0  # no negative zeros


class ExactIndex:
    """Compares with every vector of the scope: a product of a matrix and a vector.

    Vectors are quantised to whole steps of 1/4000, which makes the arithmetic exact: a similarity does not depend on
    the order of insertion, on threads or on the processor. The error of a cosine is about 1e-4.
    """

    def __init__(self, dimensions: int) -> None:
        self._dimensions = dimensions
        self._scopes: dict[Scope, _Rows] = {}

    def upsert(self, scope: Scope, id: str, vector: Vector, at: int = 0) -> None:
        """Raises ValueError: the vector has other dimensions than the index, or is longer than 1."""
        self._scopes.setdefault(scope, _Rows(self._dimensions)).put(id, self._quantise(vector), at)

    def search(self, scope: Scope, vector: Vector, k: int, as_of: int | None = None) -> list[Hit]:
        """Raises ValueError: as for `upsert`, or `k` is below 1."""
        if k < 1:
            raise ValueError(f"k: {k}; ask for at least 1")
        rows = self._scopes.get(scope)
        if rows is None:
            return []
        cosines = rows.cosines(self._quantise(vector))
        known = np.arange(len(cosines)) if as_of is None else np.flatnonzero(rows.at[: len(cosines)] <= as_of)
        if len(known) > k:
            # Everything that ties with the k-th stays in, so that ids and not rows break the tie.
            floor = np.partition(cosines[known], -k)[-k]
            known = known[cosines[known] >= floor]
        hits = [Hit(rows.ids[row], float(cosines[row])) for row in known]
        return sorted(hits, key=lambda hit: (-hit.similarity, hit.id))[:k]

    def _quantise(self, vector: Vector) -> Vector:
        if vector.shape != (self._dimensions,):
            raise ValueError(f"vector: shape {vector.shape}; this index holds ({self._dimensions},)")
        if not float(np.linalg.norm(vector)) <= 1.001:
            raise ValueError(f"vector: length {float(np.linalg.norm(vector)):g}; embedders give unit length")
        return np.round(vector * np.float32(_STEPS))
