"""The sieve never says no to what is in it, and seldom yes to what is not."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ledger.inbox_index import _high
from ledger.sieve import BITS_A_FINGERPRINT, Sieve


def fingerprints(count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 1 << 64, count, dtype=np.uint64)


@given(st.lists(st.integers(0, 700), min_size=1, max_size=12))
def test_what_is_in_it_is_never_missed(sizes: list[int]) -> None:
    """However often it had to grow on the way; the control: one that is not added is mostly missed."""
    sieve, runs = Sieve(), []
    for number, size in enumerate(sizes):
        runs.append(fingerprints(size, number + 1))
        sieve = sieve.grown(runs, runs[-1])
        for run in runs:
            assert len(sieve.may_hold(run)) == len(run)


def test_few_strangers_pass() -> None:
    inside, strangers = fingerprints(50_000), fingerprints(50_000, 2)
    sieve = Sieve().grown([inside], inside)
    assert len(sieve.may_hold(strangers)) < 50_000 / BITS_A_FINGERPRINT
    assert sieve.nbytes <= 50_000 * BITS_A_FINGERPRINT * 4 / 8


def test_what_was_pruned_does_not_fill_it() -> None:
    """A thousand remembered of a hundred thousand: no more strangers pass than at first."""
    sieve = Sieve()
    for number in range(100):
        run = fingerprints(1_000, number)
        sieve = sieve.grown([run], run)
    assert len(sieve.may_hold(fingerprints(10_000, 1_000))) < 10_000 / BITS_A_FINGERPRINT
    assert sieve.nbytes <= 1_000 * BITS_A_FINGERPRINT * 4 / 8


def test_one_alone_is_sifted_as_many_are() -> None:
    inside, strangers = fingerprints(1_000), fingerprints(1_000, 2)
    sieve = Sieve().grown([inside], inside)
    for asked in (inside, strangers):
        held = set(sieve.may_hold(asked).tolist())
        assert [place for place, each in enumerate(asked.tolist()) if not sieve.lacks(each)] == sorted(held)
    assert _high(inside[:1].tobytes() + b"x" * 8) == inside[0]
