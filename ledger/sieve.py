"""A bit for every fingerprint: which of a batch may have been seen, so that few of them have to be looked for."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

BITS_A_FINGERPRINT = 16
"""One in so many strangers is looked for in vain, at most."""
LEAST_BITS = 1 << 13

Words = NDArray[np.uint64]


class Sieve:
    """Says yes too often and no never (a Bloom filter of one hash: fingerprints are hashes already).

    Bits are only ever set, so whoever looks through it while it is added to sees at least what was in it before.
    """

    __slots__ = ("_bits", "_left", "_mask")

    def __init__(self, fingerprints: int = 0) -> None:
        bits = max(LEAST_BITS, 1 << (2 * fingerprints * BITS_A_FINGERPRINT - 1).bit_length() if fingerprints else 0)
        self._bits = np.zeros(bits // 8, dtype=np.uint8)
        self._mask = np.uint64(bits - 1)
        self._left = bits // BITS_A_FINGERPRINT

    @property
    def nbytes(self) -> int:
        return self._bits.nbytes

    def has_room(self, fingerprints: int) -> bool:
        """Whether so many more fit in."""
        return fingerprints <= self._left

    def grown(self, runs: Iterable[Words], new: Words) -> "Sieve":
        """With `new` in it: this one, or a fresh one of all `runs` when it is full, without what was pruned."""
        if self.has_room(len(new)):
            self._add(new)
            return self
        every = list(runs)
        fresh = Sieve(sum(len(run) for run in every))
        for run in every:
            fresh._add(run)
        return fresh

    def _add(self, words: Words) -> None:
        self._left -= len(words)
        at = words & self._mask
        places, bits = at >> np.uint64(3), np.left_shift(1, at & np.uint64(7), dtype=np.uint8)
        # Of two in one byte the last is set, then the other: several times as fast as `bitwise_or.at`.
        while len(places):
            self._bits[places] |= bits
            missed = self._bits[places] & bits == 0
            places, bits = places[missed], bits[missed]

    def lacks(self, fingerprint: int) -> bool:
        """Whether it surely was not added: of one, ten times as fast as `may_hold`."""
        at = fingerprint & int(self._mask)
        return not int(self._bits[at >> 3]) >> (at & 7) & 1

    def may_hold(self, words: Words) -> NDArray[np.intp]:
        """The places of those that may be in it."""
        at = words & self._mask
        bits = self._bits[at >> np.uint64(3)] >> (at & np.uint64(7)).astype(np.uint8)
        return np.flatnonzero(bits & np.uint8(1))
