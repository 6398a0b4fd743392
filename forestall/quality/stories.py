"""The variants of a demo as stories with an expected end, each played on many seeds."""

import asyncio
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from evals.scenario import Variant
from forestall.demo import DemoOptions, DemoResult, IncidentResult, default_habits, find_scenario, play

MIN_SAVED = 0.5
"""Orders saved, as a share of the oracle's, median over seeds."""


@dataclass(frozen=True, slots=True)
class Story:
    """A variant, what its end must be, and on what share of the seeds.

    Where doing nothing is right, `min_noticed` is the share of seeds on which an incident must have been opened at all:
    nobody passes by being blind.
    """

    name: str
    variant: Callable[[int], Variant]
    holds: Callable[[DemoResult], bool]
    expectation: str
    min_share: float = 1.0
    min_noticed: float = 0.0
    scripted_model: bool = False


@dataclass(frozen=True, slots=True)
class StoryResult:
    """How a story went; times are medians in minutes, None where nothing was noticed or resolved."""

    story: str
    expectation: str
    seeds: int
    held: int
    min_share: float
    noticed: int
    min_noticed: float
    broken_seeds: tuple[int, ...]
    detected_min: float | None
    resolved_min: float | None
    saved: float | None

    @property
    def passed(self) -> bool:
        enough = self.held >= self.min_share * self.seeds and self.noticed >= self.min_noticed * self.seeds
        return enough and (self.saved is None or self.saved >= MIN_SAVED)


def _commands(result: DemoResult) -> list[str]:
    return [command for incident in result.incidents for command in incident.commands]


def _resolved(incident: IncidentResult, place: str, *, autonomous: bool) -> bool:
    return (
        incident.status == "resolved"
        and incident.autonomous == autonomous
        and f"warehouse = {place}" in incident.explanation
    )


def _both(result: DemoResult) -> bool:
    found = [incident for incident in result.incidents if incident.status == "resolved"]
    return (
        len(found) == 2
        and _resolved(found[0], "A", autonomous=False)
        and _resolved(found[1], "C", autonomous=True)
        and found[1].lane == "recall"
    )


def _single(result: DemoResult) -> bool:
    return any(_resolved(incident, "B", autonomous=False) for incident in result.incidents)


def _quiet(result: DemoResult) -> bool:
    return len(result.incidents) <= 1 and not _commands(result)


def _no_reroute(result: DemoResult) -> bool:
    acted = [each for each in result.incidents if any("reroute_orders" in command for command in each.commands)]
    return bool(result.incidents) and all(incident.status == "escalated" for incident in acted)


def _no_credit(result: DemoResult) -> bool:
    return not _commands(result) and all(
        incident.status in ("recovered_alone", "escalated") for incident in result.incidents
    )


def _to_a_person(result: DemoResult) -> bool:
    return (
        bool(result.incidents)
        and not _commands(result)
        and any("carrier = northline" in incident.explanation for incident in result.incidents)
        and result.incidents[0].status == "escalated"
    )


def _model_plan(result: DemoResult) -> bool:
    done = [incident for incident in result.incidents if "switch_carrier: succeeded" in incident.commands]
    return bool(done) and all(incident.lane == "deliberate" and not incident.autonomous for incident in done)


STORIES = (
    Story("two warehouses", lambda seed: Variant(seed), _both, "A approved, then C alone, both resolved", 0.9),
    Story("degrade B", lambda seed: Variant(seed, degrade=("B",)), _single, "B explained, approved, resolved", 0.9),
    Story("degrade none", lambda seed: Variant(seed, degrade=()), _quiet, "at most 1 incident, 0 commands"),
    Story("cause payment", lambda seed: Variant(seed, cause="payment"), _no_reroute, "no reroute that passes for one"),
    Story(
        "self-heal",
        lambda seed: Variant(seed, degrade=("A",), self_heal=True),
        _no_credit,
        "no command, no credit",
        min_noticed=0.5,
    ),
    Story("novel", lambda seed: Variant(seed, novel=True), _to_a_person, "carrier named, a person has it", 0.9),
    Story(
        "novel, with a model",
        lambda seed: Variant(seed, novel=True),
        _model_plan,
        "the model's plan approved and carried out",
        0.9,
        scripted_model=True,
    ),
)


def tell(name: str, seed: int) -> DemoResult:
    """Play one story on one seed in a home of its own."""
    story = next(story for story in STORIES if story.name == name)
    variant = story.variant(seed)
    with tempfile.TemporaryDirectory(prefix="forestall-story-") as folder:
        options = DemoOptions(
            variant, Path(folder), habits=default_habits(variant), scripted_model=story.scripted_model
        )
        return asyncio.run(play(find_scenario("retail", variant), options))


def run(seeds: int, *, start: int = 0, processes: int = 2) -> list[StoryResult]:
    """Every story on `seeds` seeds."""
    jobs = [(story.name, seed) for story in STORIES for seed in range(start, start + seeds)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        results = list(pool.map(_tell, jobs, chunksize=1))
    told: dict[str, list[tuple[int, DemoResult]]] = {}
    for (name, seed), result in zip(jobs, results, strict=True):
        told.setdefault(name, []).append((seed, result))
    return [_judge(story, told[story.name]) for story in STORIES]


def _tell(job: tuple[str, int]) -> DemoResult:
    return tell(*job)


def _judge(story: Story, told: list[tuple[int, DemoResult]]) -> StoryResult:
    broken = tuple(seed for seed, result in told if not story.holds(result))
    first = [result.incidents[0] for _, result in told if result.incidents and result.incidents[0].trouble]
    detected = [each.detected_after_s for each in first if each.detected_after_s is not None]
    resolved = [each.resolved_after_s for each in first if each.resolved_after_s and each.status == "resolved"]
    shares = [
        result.orders_saved / result.orders_saved_by_oracle for _, result in told if result.orders_saved_by_oracle > 0
    ]
    acts = story.name in ("two warehouses", "degrade B", "novel, with a model")
    return StoryResult(
        story=story.name,
        expectation=story.expectation,
        seeds=len(told),
        held=len(told) - len(broken),
        min_share=story.min_share,
        noticed=sum(bool(result.incidents) for _, result in told),
        min_noticed=story.min_noticed,
        broken_seeds=broken,
        detected_min=median(detected) / 60 if detected else None,
        resolved_min=median(resolved) / 60 if resolved else None,
        saved=median(shares) if shares and acts else None,
    )


def render(results: list[StoryResult]) -> str:
    """An aligned table."""
    head = ("story", "held", "needed", "noticed", "after", "resolved", "saved/oracle", "expectation")
    rows = [head, *(_row(each) for each in results)]
    widths = [max(len(row[place]) for row in rows) for place in range(7)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row[:7], widths, strict=True)), row[7]]) for row in rows
    )


def _row(each: StoryResult) -> tuple[str, ...]:
    return (
        each.story,
        f"{each.held}/{each.seeds}",
        f"{each.min_share:.0%}",
        f"{each.noticed}",
        "-" if each.detected_min is None else f"{each.detected_min:.0f} min",
        "-" if each.resolved_min is None else f"{each.resolved_min:.0f} min",
        "-" if each.saved is None else f"{each.saved:.0%}",
        each.expectation + (f"; not on seeds {list(each.broken_seeds)}" if each.broken_seeds else ""),
    )
