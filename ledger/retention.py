"""How long the ledger keeps what nothing needs any more."""

from dataclasses import dataclass

from contracts import DAY, HOUR
from ledger.inbox import INBOX_HORIZON_MICROS


@dataclass(frozen=True, slots=True)
class Retention:
    """Ages in microseconds of our own clock, since something was written last.

    What belongs to an unfinished incident, what memory is built from, standing approvals, counters and the fencing
    epochs of leases are kept for ever. `incidents_us` and `journal_us` must not be shorter than the cool-down of any
    reflex (a day at most).
    """

    inbox_us: int = INBOX_HORIZON_MICROS
    outbox_us: int = HOUR
    dead_letters_us: int = 30 * DAY
    dead_letters_max_rows: int = 100_000
    incidents_us: int = 90 * DAY
    journal_us: int = 90 * DAY
    slice_rows: int = 500
    """Rows of a kind that one transaction takes away."""
    slice_incidents: int = 20
    """Incidents that one transaction takes away, each with all its rows."""

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if getattr(self, name) < (1 if name.startswith("slice") else 0):
                raise ValueError(f"{name}: {getattr(self, name)} is too small; write a positive number")
