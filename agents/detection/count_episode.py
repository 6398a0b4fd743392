"""From the finding of a spike or drop until the counts are back or the new level is adopted."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from contracts import DAY

_ODDS = math.log(20.0)
_QUIET_PANES = 4
_ADOPT_AFTER = 2 * DAY


@dataclass(slots=True)
class CountEpisode:
    """Is the rate still elevated (lowered), or as expected again?

    A sequential probability ratio test (Wald 1945) of the expected rate against one halfway to the episode's own. A
    pane that expects nothing (a closed night) says nothing; one lucky zero says little.
    """

    onset: int
    halfway: float
    evidence: float = 0.0
    quiet: int = 0
    observed: float = 0.0
    expected: float = 0.0

    @classmethod
    def begin(cls, onset: int, observed: float, expected: float, up: bool) -> "CountEpisode":
        ratio = (observed + 0.5) / (expected + 0.5)
        halfway = max(1.2, (1.0 + ratio) / 2.0) if up else min(0.8, math.sqrt(max(ratio, 0.1)))
        return cls(onset, halfway)

    def is_back(self, count: float, typical: float, dispersion: float) -> bool:
        """Weigh one more pane; true when the odds for normal are 20 to 1 after at least four panes."""
        gain = (self.halfway - 1.0) * typical - count * math.log(self.halfway)
        self.evidence += gain / (1.0 + dispersion * typical)
        self.quiet += 1
        if self.evidence <= 0.0:
            self.evidence, self.quiet = 0.0, 0
        return self.evidence >= _ODDS and self.quiet >= _QUIET_PANES

    def is_new_level(self, end: int, count: float, seasonal: float) -> bool:
        """True when the episode has lasted two days: what persists is normal now."""
        self.observed += count
        self.expected += seasonal
        return end - self.onset >= _ADOPT_AFTER

    def snapshot(self) -> dict[str, Any]:
        return asdict(self)
