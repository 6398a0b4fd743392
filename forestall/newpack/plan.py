"""What a pack will hold, decided but not yet written."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from contracts import FieldType

Test = tuple[Literal["equals", "prefix", "one_of"], str | tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class FieldPlan:
    name: str
    path: str
    type: FieldType = "string"
    missing: float = 0.0
    """The share of events without it; any makes the field optional."""


@dataclass(frozen=True, slots=True)
class TypePlan:
    """The type of all events, or by the value of a column (value, type)."""

    default: str
    column: str | None = None
    cases: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*(name for _, name in self.cases), self.default]))


@dataclass(frozen=True, slots=True)
class TimePlan:
    """Column None: the broker's publish time."""

    column: str | None
    form: str = "iso"
    zone: str | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class MeasurePlan:
    """`why` is one line: what was seen in the sample that made it a measure."""

    name: str
    title: str
    why: str
    of: tuple[str, ...]
    aggregate: Literal["count", "distinct", "mean"]
    pane: int
    pane_why: str = ""
    where: tuple[tuple[str, Test], ...] = ()
    unit: str | None = None
    field: str | None = None
    key: str | None = None
    dimensions: tuple[str, ...] = ()
    detectors: tuple[tuple[str, str], ...] = ()
    """(kind, direction) each."""


@dataclass(slots=True)
class Plan:
    """`told` are the decisions as (what, how) for a reader, `warnings` what may be wrong with the sample.

    `lateness` in microseconds. `at` has the instant of each document, None where it names none; `unsorted`: a file
    that is not in the order of time.
    """

    pack: str
    title: str
    topic: str
    heading: tuple[str, ...]
    type: TypePlan
    time: TimePlan
    measures: list[MeasurePlan]
    fields: list[FieldPlan] = field(default_factory=list)
    id: str | None = None
    id_comment: str = ""
    key: str | None = None
    lateness: int = 0
    lateness_comment: str = ""
    dimensions_comment: str = ""
    cloudevents: bool = False
    avro: bool = False
    of_file: bool = False
    told: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    unsorted: bool = False
    at: Sequence[int | None] = ()

    @property
    def values(self) -> tuple[str, ...]:
        """Every value of the sample that the pack will hold."""
        tests = [value for measure in self.measures for _, (_, value) in measure.where]
        tested = [each for value in tests for each in ((value,) if isinstance(value, str) else value)]
        typed = self.type.names if self.cloudevents else [value for value, _ in self.type.cases]
        return tuple(dict.fromkeys([*typed, *tested]))

    @property
    def span(self) -> int:
        """From the first event to the last, in microseconds."""
        known = [each for each in self.at if each is not None]
        return max(known) - min(known) if known else 0
