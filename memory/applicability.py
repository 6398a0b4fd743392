"""May this runbook be considered in this situation at all?"""

from dataclasses import dataclass

from contracts import Runbook, Situation


@dataclass(frozen=True, slots=True)
class Applicability:
    """`why` names every condition and what the situation says to it, whether it holds or not."""

    applicable: bool
    why: tuple[str, ...]


def needed_dimensions(runbook: Runbook) -> tuple[str, ...]:
    """What the explanation must name: `explained_by`, and each dimension that a parameter is filled from."""
    sources = (binding.source for binding in runbook.parameters.values())
    bound = {source.removeprefix("explanation.") for source in sources if source and source.startswith("explanation.")}
    return (*runbook.applies.explained_by, *sorted(bound - set(runbook.applies.explained_by)))


def applicability(runbook: Runbook, situation: Situation) -> Applicability:
    """Measure and pattern must match, and the explanation must name every dimension that the runbook needs."""
    applies = runbook.applies
    checks = [
        (situation.measure == applies.measure, _against("measure", situation.measure, (applies.measure,))),
        (situation.pattern in applies.patterns, _against("pattern", situation.pattern, applies.patterns)),
    ]
    for dimension in needed_dimensions(runbook):
        value = situation.attributes.get(dimension, "")
        checks.append((bool(value), f"explained_by {dimension}: {value or 'not in the explanation'}"))
    return Applicability(all(holds for holds, _ in checks), tuple(reason for _, reason in checks))


def _against(field: str, value: str, wanted: tuple[str, ...]) -> str:
    return f"{field} {value}: " + ("fits" if value in wanted else f"the runbook is for {' or '.join(wanted)}")
