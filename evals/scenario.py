"""What a pack brings along so that it can be demonstrated and scored: a world, and what it is measured against."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from evals.world_driver import World


@dataclass(frozen=True, slots=True)
class Variant:
    """Which story is told. `degrade` names what fails, in order; empty: a quiet world. `days` None: all of them."""

    seed: int = 7
    degrade: tuple[str, ...] | None = None
    cause: str | None = None
    self_heal: bool = False
    novel: bool = False
    days: int | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """The ground truth: what really went wrong, and when it began (microseconds)."""

    what: str
    onset: int


class ScoredWorld(World, Protocol):
    """A world that says at its end how many orders were lost."""

    def lost(self) -> int:
        """Orders cancelled so far."""
        ...

    def effects(self) -> list[tuple[str, str | None]]:
        """What the sinks really did, in order: (sink, command or None where the sink knows of none)."""
        ...


@dataclass(frozen=True, slots=True)
class Scenario:
    """`world(home)` opens it durably; `lost_off` and `lost_oracle` run it in memory, with nobody and with an oracle."""

    pack: str
    topic: str
    troubles: tuple[Trouble, ...]
    world: Callable[[Path], ScoredWorld]
    lost_off: Callable[[], int]
    lost_oracle: Callable[[], int]
