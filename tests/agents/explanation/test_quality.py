"""The explanation over seeded worlds, and that the worlds are what they claim to be."""

import pytest

from evals.quality.explanation import FALSE_AT_MOST, ExplanationQuality, Line, render, run
from evals.quality.explanation_worlds import HARD, STANDARD, Kind, Tier, world


@pytest.mark.quality
def test_causes_are_found_and_none_is_made_up() -> None:
    quality = run(seeds=50)
    assert quality.passed, f"\n{render(quality)}"


@pytest.mark.parametrize("kind", ["single", "pair", "none"])
@pytest.mark.parametrize("tier", [STANDARD, HARD], ids=lambda tier: tier.name)
def test_a_seed_is_one_world(tier: Tier, kind: Kind) -> None:
    made = world(11, kind, tier)
    assert made == world(11, kind, tier)
    assert made != world(12, kind, tier)
    assert len(made.truth) == {"single": 1, "pair": 2, "none": 0}[kind]


def test_a_missed_bound_fails_and_is_shown() -> None:
    found = Line("standard", "single", worlds=100, right=94, named=100, wrong_seeds=(3, 4, 5, 6, 7, 8))
    made_up = Line("standard", "none", worlds=100, right=94, named=6, wrong_seeds=(1,))
    hard = Line("hard", "single", worlds=100, right=10, named=10, wrong_seeds=())
    assert not found.passed
    assert not made_up.passed
    assert made_up.named / made_up.worlds > FALSE_AT_MOST
    assert hard.passed
    assert not ExplanationQuality((found, hard)).passed
    assert not ExplanationQuality(()).passed
    assert "FAIL" in render(ExplanationQuality((found,)))
