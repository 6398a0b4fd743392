"""What goes wrong, where and when: the ground truth that no event reveals."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from scenarios.retail.settings import TICKS_PER_DAY, TICKS_PER_HOUR, WorldSettings

_CAUSES = 3
_JITTER = TICKS_PER_HOUR
PAYMENT, CARRIER = "card", "northline"
SELF_HEAL_TICKS = 10


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that goes wrong in the ticks from `onset` to before `end`."""

    kind: Literal["warehouse", "payment", "carrier"]
    name: str
    onset: int
    end: int

    def active(self, tick: int) -> bool:
        return self.onset <= tick < self.end


def troubles(settings: WorldSettings) -> tuple[Trouble, ...]:
    """The troubles of a world, by onset: the first on day 4 about 09:00, the second on day 5 about 14:00.

    Each onset is shifted by up to an hour either way and each duration by up to two hours, from the seed.
    """
    uniforms = np.random.Generator(np.random.Philox(key=[settings.seed, _CAUSES])).random(4).tolist()
    first = 3 * TICKS_PER_DAY + 9 * TICKS_PER_HOUR + 1 + _shift(uniforms[0], _JITTER)
    second = 4 * TICKS_PER_DAY + 14 * TICKS_PER_HOUR + 1 + _shift(uniforms[1], _JITTER)
    lasts = [24 * TICKS_PER_HOUR + _shift(uniform, 2 * _JITTER) for uniform in uniforms[2:]]
    if settings.self_heal:
        lasts = [SELF_HEAL_TICKS] * 2
    if settings.cause == "payment":
        return (Trouble("payment", PAYMENT, first, first + min(lasts[0], 12 * TICKS_PER_HOUR)),)
    if settings.novel:
        return (Trouble("carrier", CARRIER, first, first + lasts[0]),)
    onsets = zip(settings.degrade, (first, second), lasts, strict=False)
    return tuple(Trouble("warehouse", name, onset, onset + last) for name, onset, last in onsets)


def _shift(uniform: float, reach: int) -> int:
    return round((2 * uniform - 1) * reach)
