"""`pack.yaml`, typed: what a pack teaches Forestall about one domain."""

import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from contracts.base import DAY, HOUR, MINUTE, SECOND, Contract
from contracts.duration import Duration, Name
from contracts.mapping import misplaced
from contracts.plan import Risk
from contracts.reflex import Reflex, TopicTool
from contracts.signal import Pattern
from contracts.stream import StreamSpec, Where


class Measure(Contract):
    """A number per pane of event time.

    `distinct` counts units of analysis (`unit` names the field), `count` events; the others aggregate `field`.
    `key` splits it into one series a value. `dimensions` are what an explanation may name.
    """

    name: Name
    title: str
    of: tuple[str, ...]
    where: tuple[Where, ...] = ()
    aggregate: Literal["distinct", "count", "sum", "mean", "min", "max", "last"] = "count"
    unit: str | None = None
    field: str | None = None
    key: str | None = None
    pane: Duration = 15 * MINUTE
    lateness: Duration = 0
    dimensions: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _fields_fit(self) -> "Measure":
        if self.aggregate == "distinct" and not self.unit:
            raise misplaced("aggregate", "needs `unit`, the field that names the unit of analysis")
        if self.aggregate not in ("distinct", "count") and not self.field:
            raise misplaced("aggregate", "needs `field`, the number to aggregate")
        if self.pane < SECOND:
            raise misplaced("pane", "must be at least 1s")
        if self.dimensions and self.aggregate not in ("distinct", "count"):
            raise misplaced("dimensions", "only counts can be explained; use aggregate: distinct or count")
        return self


class DetectorSpec(Contract):
    """A detector on a measure. `count` for counts, `level` for continuous series, `threshold` for a fixed bound."""

    name: Name
    measure: Name
    kind: Literal["count", "level", "threshold", "silence"]
    direction: Literal["up", "down", "both"] = "both"
    settings: dict[str, Any] = Field(default_factory=dict)
    opens_incident: bool = True


class Correlation(Contract):
    """Signals with the same key join one incident while it is open and their onset lies within `window` of it."""

    window: Duration = 12 * HOUR
    cooldown: Annotated[Duration, Field(le=DAY)] = 4 * HOUR


class AutonomyRule(Contract):
    """The first rule that names the tool and covers the value decides.

    `alone`: acts under evidence and a standing approval. `approve`: a person is asked. `never`: goes to a person.
    """

    tool: str
    up_to: Decimal | None = None
    may: Literal["approve", "alone", "never"] = "approve"
    min_successes: int = Field(default=1, ge=1)
    min_rate: float = Field(default=0.6, ge=0, le=1)


class Autonomy(Contract):
    """The pack's declarative table; a tool that no rule covers may never be called.

    While the stream lies more than `max_lag` behind the clock (a backlog, a replay) nothing is carried out: what it
    tells of is over, and whether it helped could not be seen.
    """

    currency: str = "GBP"
    approval_timeout: Duration = 4 * HOUR
    max_lag: Duration = 6 * HOUR
    rules: tuple[AutonomyRule, ...] = ()


class Binding(Contract):
    """Where a runbook's parameter comes from: `explanation.<dimension>`, `signal.<field>` or a constant `value`."""

    type: Literal["string", "integer", "number"] = "string"
    source: str | None = Field(default=None, alias="from")
    value: Any = None

    @model_validator(mode="after")
    def _one_origin(self) -> "Binding":
        if (self.source is None) == (self.value is None):
            raise ValueError("give exactly one of from, value")
        if self.source and not re.fullmatch(r"(explanation|signal)\.[a-z_0-9]+", self.source):
            raise ValueError(f"from: {self.source!r}; write explanation.<dimension> or signal.<field>")
        return self


class RunbookCompensation(Contract):
    tool: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class RunbookTask(Contract):
    """`$name` in an argument stands for a parameter."""

    tool: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    cost: Decimal = Decimal(0)
    risk: Risk = "medium"
    timeout: Duration = 10 * MINUTE
    depends_on: tuple[int, ...] = ()
    compensation: RunbookCompensation | None = None


class Applies(Contract):
    """When a runbook may be considered; `explained_by` are dimensions that the best cause must name."""

    measure: Name
    patterns: tuple[Pattern, ...] = ("spike", "shift")
    explained_by: tuple[Name, ...] = ()


class Recovery(Contract):
    """Recovered: `panes` normal panes in a row before `within` has passed since the action."""

    within: Duration = 6 * HOUR
    panes: int = Field(default=4, ge=1, le=96)


class Runbook(Contract):
    """A procedure as data: a parameterised template of tasks."""

    runbook: Name
    version: int = Field(default=1, ge=1)
    title: str
    situation: str
    applies: Applies
    parameters: dict[Name, Binding] = Field(default_factory=dict)
    tasks: tuple[RunbookTask, ...] = Field(min_length=1)
    recovery: Recovery = Recovery()

    @property
    def template(self) -> str:
        return f"{self.runbook}@{self.version}"


class PackManifest(Contract):
    """`pack.yaml`, whole."""

    pack: Name
    version: int = Field(default=1, ge=1)
    title: str
    mode: Literal["observe", "act"] = "observe"
    streams: tuple[StreamSpec, ...] = Field(min_length=1)
    measures: tuple[Measure, ...] = Field(min_length=1)
    detectors: tuple[DetectorSpec, ...] = Field(min_length=1)
    correlation: Correlation = Correlation()
    goal: str = "bring the measure back to normal"
    tools: str | None = Field(default=None, description="Python module or file with @forestall.tool functions")
    runbooks: str | None = Field(default=None, description="folder with runbooks/*.yaml, relative to the pack")
    autonomy: Autonomy = Autonomy()
    recovery: Recovery = Recovery()
    topic_tools: tuple[TopicTool, ...] = ()
    reflexes: tuple[Reflex, ...] = ()

    @model_validator(mode="after")
    def _names_resolve(self) -> "PackManifest":
        measures = {measure.name for measure in self.measures}
        for detector in self.detectors:
            if detector.measure not in measures:
                raise ValueError(
                    f"detectors: {detector.name!r} watches {detector.measure!r}; known: {sorted(measures)}"
                )
        types = {declared.type for stream in self.streams for declared in stream.types}
        for measure in self.measures:
            if unknown := set(measure.of) - types:
                raise ValueError(f"measures: {measure.name!r} counts {sorted(unknown)}, which no stream declares")
        for reflex in self.reflexes:
            if unknown := set(reflex.of) - types:
                raise ValueError(f"reflexes: {reflex.name!r} heeds {sorted(unknown)}, which no stream declares")
        return self

    def reflex_template(self, reflex: Reflex) -> str:
        """What a standing approval for this reflex names; see `Reflex.template`."""
        return reflex.template(next((each for each in self.topic_tools if each.name == reflex.tool), None))
