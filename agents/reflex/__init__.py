"""The reflex lane's judgement: which events a rule turns into which calls."""

from agents.reflex.rules import Call, Reflexes, window_of

__all__ = ["Call", "Reflexes", "window_of"]
