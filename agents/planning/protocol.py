"""What a planner is asked, what it answers, and the protocol that every planner follows."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol, Self

from contracts import Effect, Explanation, Lane, ModelUse, Risk, Signal, Situation, Task
from tools import Catalogue, Tool

_RISKS: tuple[Risk, ...] = ("low", "medium", "high")


@dataclass(frozen=True, slots=True)
class ToolCard:
    """What a planner knows of a tool; `schema` is the JSON Schema of its arguments."""

    name: str
    title: str
    description: str
    schema: dict[str, Any]
    effect: Effect
    risk: Risk

    @classmethod
    def of(cls, tool: Tool) -> Self:
        return cls(tool.name, tool.title, tool.description, tool.schema, tool.effect, tool.risk)


def tool_cards(catalogue: Catalogue) -> tuple[ToolCard, ...]:
    """A card for each tool, by name."""
    return tuple(ToolCard.of(tool) for tool in catalogue)


@dataclass(frozen=True, slots=True)
class PlanningRequest:
    """Everything that a planner may know.

    `deadline` and `now` are microseconds (UTC); `budget` bounds the sum of the tasks' costs in `currency`, None means
    no bound. `notes` is knowledge of the pack, `episodes` are short accounts of earlier incidents. `excerpts` are texts
    out of event payloads: nobody vouches for them, and no argument of a plan may come from them.
    """

    incident_id: str
    plan_version: int
    pack: str
    goal: str
    situation: Situation
    explanation: Explanation
    signal: Signal
    tools: tuple[ToolCard, ...]
    currency: str
    deadline: int
    now: int
    budget: Decimal | None = None
    notes: tuple[str, ...] = ()
    episodes: tuple[str, ...] = ()
    excerpts: tuple[str, ...] = ()

    def card(self, tool: str) -> ToolCard | None:
        """The card of a tool, or None."""
        return next((card for card in self.tools if card.name == tool), None)


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan before its tasks were quoted.

    Ordinals count from 1. `template` is `runbook@version` or `prompt@version`. `confidence` is the planner's own, from
    0 to 1; a runbook has none, its track record speaks for it.
    """

    tasks: tuple[Task, ...]
    lane: Lane
    template: str
    reason: str
    confidence: float | None = None
    model: ModelUse | None = None


class Planner(Protocol):
    """Proposes a plan; changes nothing."""

    async def propose(self, request: PlanningRequest) -> Draft:
        """Raises:
        PlanningError: see `agents.planning.errors`.
        """
        ...


def highest_risk(risks: Iterable[Risk]) -> Risk:
    """The highest of the risks; `low` when there are none."""
    return max(risks, key=_RISKS.index, default="low")
