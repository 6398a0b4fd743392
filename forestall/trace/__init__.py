"""Telling what happened, from the journal alone."""

from forestall.trace.happenings import ENDINGS, Happening, Tone, happening, tools_of, unprefixed
from forestall.trace.story import CommandStory, Story, story_of
from forestall.trace.teller import Teller
from forestall.trace.tree import tree_of
from forestall.trace.wording import at_stake, duration, figures, moment, money, noticed, short, telling_at

__all__ = [
    "ENDINGS",
    "CommandStory",
    "Happening",
    "Story",
    "Teller",
    "Tone",
    "at_stake",
    "duration",
    "figures",
    "happening",
    "moment",
    "money",
    "noticed",
    "short",
    "story_of",
    "telling_at",
    "tools_of",
    "tree_of",
    "unprefixed",
]
