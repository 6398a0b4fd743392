"""What a detector says when something is wrong."""

from typing import Literal

from contracts.base import Contract

Pattern = Literal["spike", "drop", "shift", "drift", "silence", "threshold"]


class Signal(Contract):
    """One detector noticed one pattern in one series.

    Instants are microseconds of event time: `onset` is the start of the first pane that belongs to the pattern,
    `noticed_at` the end of the pane that gave it away. `observed` and `expected` are in the measure's unit over
    [`onset`, `noticed_at`); `score` is in robust standard deviations. `evidence` is the digest of the blob from which
    the explanation is computed.
    """

    id: str
    tenant: str
    pack: str
    detector: str
    measure: str
    key: str
    pattern: Pattern
    onset: int
    noticed_at: int
    observed: float
    expected: float
    score: float
    evidence: str | None = None
