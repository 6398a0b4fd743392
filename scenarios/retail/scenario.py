"""The retail world as a scenario of demos and evals."""

from pathlib import Path

from contracts import Event
from evals.scenario import Scenario, Trouble, Variant
from scenarios.retail.causes import troubles
from scenarios.retail.controls import run_off, run_oracle
from scenarios.retail.settings import WorldSettings, instant
from scenarios.retail.world import RetailWorld

TOPIC = "retail.orders"


class _Scored:
    """A retail world that counts its cancelled orders."""

    def __init__(self, home: Path, settings: WorldSettings) -> None:
        self._world = RetailWorld(home, settings)

    @property
    def time(self) -> int:
        return self._world.time

    @property
    def ended(self) -> bool:
        return self._world.ended

    def step(self) -> list[Event]:
        return self._world.step()

    def commit(self) -> None:
        self._world.commit()

    def lost(self) -> int:
        return self._world.report().cancelled

    def effects(self) -> list[tuple[str, str | None]]:
        return [(each.sink, each.command_id) for each in self._world.effects()]


def scenario(variant: Variant) -> Scenario:
    """The world of a variant.

    Raises:
        ValueError: a part of the variant is unknown; the message names it, the value and the rule.
    """
    if variant.cause not in (None, "warehouse", "payment"):
        raise ValueError(f"cause: {variant.cause!r}; use warehouse or payment")
    settings = WorldSettings(
        seed=variant.seed,
        degrade=("A", "C") if variant.degrade is None else variant.degrade,
        cause="payment" if variant.cause == "payment" else "warehouse",
        self_heal=variant.self_heal,
        novel=variant.novel,
        **({"days": variant.days} if variant.days is not None else {}),
    )
    return Scenario(
        pack="retail",
        topic=TOPIC,
        troubles=tuple(Trouble(f"{each.kind} {each.name}", instant(each.onset - 1)) for each in troubles(settings)),
        world=lambda home: _Scored(home, settings),
        lost_off=lambda: run_off(settings).cancelled,
        lost_oracle=lambda: run_oracle(settings).cancelled,
    )
