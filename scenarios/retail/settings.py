"""What may differ between two retail worlds, and the grid of virtual time that they share."""

from dataclasses import dataclass
from typing import Literal

from contracts import HOUR, MINUTE, from_iso

START = from_iso("2026-03-02T00:00:00Z")
"""A Monday, midnight: the instant at which tick 1 begins."""
TICK = 15 * MINUTE
TICKS_PER_HOUR = HOUR // TICK
TICKS_PER_DAY = 24 * TICKS_PER_HOUR


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """A seeded retail world.

    `degrade` names the warehouses that lose most of their capacity, in this order. `cause="payment"` is the look-alike:
    the card provider fails instead. `novel` lets the carrier northline lose its sorting hub instead. `self_heal` ends
    whatever happens after about 2.5 hours. `stock_days` is the stock level, in days of mean demand; `archive_days` is
    how far back the cancellations reach that the shop hands over at the start.

    Raises:
        ValueError: a field is out of range; the message names it, the value and the rule.
    """

    seed: int = 0
    days: int = 6
    degrade: tuple[str, ...] = ("A", "C")
    cause: Literal["warehouse", "payment"] = "warehouse"
    self_heal: bool = False
    novel: bool = False
    stock_days: float = 2.0
    archive_days: int = 21

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed: {self.seed}; use 0 or more")
        if not 1 <= self.days <= 60:
            raise ValueError(f"days: {self.days}; use 1 to 60")
        if not set(self.degrade) <= set("ABCD") or len(self.degrade) > 2 or len(set(self.degrade)) < len(self.degrade):
            raise ValueError(f"degrade: {self.degrade}; name at most two different warehouses of A, B, C, D")
        if not 0 <= self.archive_days <= 28:
            raise ValueError(f"archive_days: {self.archive_days}; use 0 to 28")
        if self.stock_days <= 0:
            raise ValueError(f"stock_days: {self.stock_days}; use more than 0")
        if self.novel and self.cause == "payment":
            raise ValueError("novel: a world has one kind of cause; drop novel, or cause='payment'")

    @property
    def ticks(self) -> int:
        return self.days * TICKS_PER_DAY


def instant(tick: int) -> int:
    """The end of a tick, in microseconds; tick 0 ends where the world begins."""
    return START + tick * TICK


def hour_of_day(tick: int) -> int:
    """The hour (0 to 23) in which a tick begins."""
    return (tick - 1) % TICKS_PER_DAY // TICKS_PER_HOUR
