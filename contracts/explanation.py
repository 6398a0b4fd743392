"""What is different about the units in the incident's window, and the counts that this is judged by."""

from typing import Literal

from contracts.base import Contract


class ValueCount(Contract):
    """Units of a window that carry these values; one value for a single dimension, two for a pair."""

    values: tuple[str, ...]
    units: int


class DimensionCounts(Contract):
    """Bounded counts of one dimension, or of a pair: the most frequent values, and `other` for the rest."""

    dimensions: tuple[str, ...]
    counts: tuple[ValueCount, ...]
    other: int


class WindowCounts(Contract):
    """Distinct units of analysis seen in [`start`, `end`) (microseconds), and how their attributes are spread.

    `duration` is the time that the counts cover, which is shorter than `end - start` where panes were left out.
    """

    start: int
    end: int
    duration: int
    units: int
    dimensions: tuple[DimensionCounts, ...]


class Evidence(Contract):
    """What an explanation is computed from; a pure function of the events up to the watermark.

    `expected_units` is what the detector's baseline expected in the window.
    """

    unit: str
    expected_units: float
    window: WindowCounts
    baseline: WindowCounts


class Attribute(Contract):
    dimension: str
    value: str


class Cause(Contract):
    """One attribute, or two together, over-represented in the window.

    `excess_share` is the part of the excess that it explains (0 to 1), `lift` the ratio of its rate in the window to
    that in the baseline, `p_value` is corrected for all hypotheses tested.
    """

    attributes: tuple[Attribute, ...]
    window_units: int
    expected_units: float
    excess_share: float
    lift: float
    p_value: float


class Explanation(Contract):
    """Ranked causes, or honestly none.

    `attributed`: at least one cause stands. `broad`: no declared attribute explains the excess.
    `insufficient`: too few units, or no baseline, to say anything.
    """

    verdict: Literal["attributed", "broad", "insufficient"]
    excess: float
    tested: int
    causes: tuple[Cause, ...] = ()
    summary: str

    def value_of(self, dimension: str) -> str | None:
        """The value that the best cause names for a dimension, or None."""
        for cause in self.causes[:1]:
            for attribute in cause.attributes:
                if attribute.dimension == dimension:
                    return attribute.value
        return None
