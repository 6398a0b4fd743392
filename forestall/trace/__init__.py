"""Telling what happened, from the journal alone."""

from forestall.trace.happenings import Happening, Tone, happening
from forestall.trace.wording import duration, figures, moment, money, short

__all__ = ["Happening", "Tone", "duration", "figures", "happening", "moment", "money", "short"]
