"""The demo's variants, each on two seeds, told to their expected ends; `make quality` plays fifty."""

import pytest

from forestall.quality import STORIES, render, stories

pytestmark = [pytest.mark.acceptance, pytest.mark.quality]
SEEDS = 2


def test_every_story_ends_as_it_should() -> None:
    results = stories.run(SEEDS, processes=2)
    print("\n" + render(results))
    assert [each.story for each in results] == [story.name for story in STORIES]
    assert [each.story for each in results if not each.passed] == []
