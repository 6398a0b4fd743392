"""The bounds on false signals, power and invariance, over 50 seeds."""

import pytest

from evals.quality.detectors import MAX_FALSE_PER_10K, MIN_POWER, DetectorQuality, NullRow, PowerRow, render, run


@pytest.mark.quality
def test_the_detectors_keep_their_bounds() -> None:
    quality = run(seeds=50)
    assert not quality.failures, render(quality)


def test_a_missed_bound_is_a_failure_in_words() -> None:
    noisy = NullRow("count", "noise", points=10_000, signals=int(MAX_FALSE_PER_10K) + 1)
    blind = PowerRow("level", "white", "shift", large=True, trials=100, delays=[1] * int(100 * MIN_POWER - 1))
    quality = DetectorQuality(1, [noisy], [blind], [])
    assert not quality.passed
    assert [failure.split(":")[0] for failure in quality.failures] == ["count noise", "level white shift"]
    assert "FAILED" in render(quality)
