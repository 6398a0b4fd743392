"""The words by which situations and runbooks are compared."""

from contracts import Runbook, Situation


def describe_situation(situation: Situation) -> str:
    """Text, measure, pattern and the explanation's attributes, these in the order of their names."""
    attributes = (f"{dimension} {value}" for dimension, value in sorted(situation.attributes.items()))
    return " ".join([situation.text, situation.measure, situation.pattern, *attributes])


def describe_runbook(runbook: Runbook) -> str:
    """Title, situation, measure and the dimensions that explain it. Patterns are checked, not compared."""
    return " ".join([runbook.title, runbook.situation, runbook.applies.measure, *runbook.applies.explained_by])
