"""Quality of judgement, measured: detectors, explanation, and whole stories."""

from forestall.quality.stories import STORIES, Story, StoryResult, render, run, tell

__all__ = ["STORIES", "Story", "StoryResult", "render", "run", "tell"]
