"""From a row to a message, or to what is wrong with the row."""

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import msgspec

from agents.mapping import Fault, Mapper, Origin
from contracts import DEFAULT_TENANT, Event, EventMapping, encode_event
from triggers.brokers import Outgoing
from triggers.emit.rows import Row

HINTS_MAX = 100


@dataclass(frozen=True, slots=True)
class Plan:
    """What a file's rows become on `topic`.

    CloudEvents by the mapping; or (`raw`) JSON objects, for whoever maps the topic: those of JSON lines as they are
    written, those of CSV with their cells as texts. A mapping then only says which rows are bad, their time and key.
    """

    topic: str
    mapping: EventMapping | None = None
    raw: bool = False

    @property
    def timed(self) -> bool:
        """Whether it is known when a row's event happened."""
        return self.mapping is not None and not self.mapping.time.publish


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was left out: `column` and `value` (cut to 80 characters) where one of them is to blame."""

    line: int
    column: str | None
    value: str | None
    reason: str

    def __str__(self) -> str:
        where = f"line {self.line}"
        if self.column is not None:
            where += f", column {self.column}" + ("" if self.value is None else f" = {self.value}")
        return f"{where}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Ready:
    """A row's message. `time` is the event's (microseconds), where a mapping tells it."""

    line: int
    message: Outgoing
    time: int | None


class Preparer:
    """A plan, ready to be applied to the rows of one file."""

    def __init__(self, plan: Plan, file: Path) -> None:
        self._plan, self._file = plan, file.name
        self._mapper = None if plan.mapping is None else Mapper(plan.mapping, tenant=DEFAULT_TENANT)
        self._hints = 0

    def prepare(self, row: Row) -> Ready | BadRow:
        """The row's message. Without an `id` in the mapping it is the file's name and the row's number."""
        if row.fault is not None:
            return BadRow(row.line, None, None, row.fault)
        event = None if self._mapper is None else self._mapper.map(row.values, self._origin(row))
        if isinstance(event, Fault):
            return BadRow(row.line, event.field, event.value, event.rule + self._hint(event.field, row))
        try:
            return self._ready(row, event)
        except UnicodeEncodeError:
            return BadRow(row.line, None, None, "not UTF-8; save the file as UTF-8")

    def _hint(self, column: str | None, row: Row) -> str:
        """JSON lines name their columns in each row: a misspelt one is missing. Looked for in the first bad rows."""
        if column is None or column in row.values or "." in column or self._hints == HINTS_MAX:
            return ""
        self._hints += 1
        near = get_close_matches(column, row.values, n=1, cutoff=0.7)
        return f"; did you mean {near[0]}?" if near else ""

    def _origin(self, row: Row) -> Origin:
        """What is published raw gets its publish time, and its id, later."""
        published = 0 if self._plan.raw else None
        return Origin(self._plan.topic, f"{self._file}:{row.number}", row.number, published)

    def _ready(self, row: Row, event: Event | None) -> Ready:
        if event is not None and not self._plan.raw:
            payload = encode_event(event)
        else:
            payload = row.text if row.text is not None else msgspec.json.encode(dict(row.values))
        if event is None:
            return Ready(row.line, Outgoing(payload), None)
        return Ready(row.line, Outgoing(payload, event.key), event.time if self._plan.timed else None)
