"""What is different about the units in the window: tallies per pane, a baseline, and the explanation."""

from agents.explanation.baseline import BaselineTally
from agents.explanation.explain import explain
from agents.explanation.tally import Tally

__all__ = ["BaselineTally", "Tally", "explain"]
