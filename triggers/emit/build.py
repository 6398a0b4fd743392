"""From a row to an event, or to what is wrong with the row."""

from dataclasses import dataclass
from string import Formatter

from contracts import Event
from triggers.emit.instants import instant
from triggers.emit.mapping import ROW, MappingSpec, When
from triggers.emit.rows import Row
from triggers.emit.values import CONVERT, text_of

_VALUE_MAX_CHARACTERS = 80


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


class _Refused(Exception):
    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column


class EventBuilder:
    """A mapping, ready to be applied to many rows."""

    def __init__(self, mapping: MappingSpec) -> None:
        self._mapping = mapping
        self._id_parts = [(literal, name) for literal, name, _, _ in Formatter().parse(mapping.id)]

    def build(self, row: Row) -> Event | BadRow:
        """The row's event."""
        if row.fault is not None:
            return BadRow(row.line, None, None, row.fault)
        try:
            return self._event(row)
        except _Refused as refused:
            value = row.values.get(refused.column)
            shown = None if value is None else repr(value)[:_VALUE_MAX_CHARACTERS]
            return BadRow(row.line, refused.column, shown, str(refused))

    def _event(self, row: Row) -> Event:
        mapping, time = self._mapping, self._mapping.time
        written = self._text(row, time.column)
        try:
            moment = instant(written.strip(), time.format, time.zone, time.ambiguous, time.nonexistent)
        except (ValueError, OverflowError) as error:
            raise _Refused(time.column, str(error)) from error
        return Event(
            id=self._id(row),
            source=mapping.source,
            type=self._type(row),
            time=moment,
            data=self._data(row),
            key=None if mapping.key is None else self._text(row, mapping.key),
        )

    def _id(self, row: Row) -> str:
        text = ""
        for literal, name in self._id_parts:
            text += literal
            if name is not None:
                text += str(row.number) if name == ROW else self._text(row, name)
        return text

    def _type(self, row: Row) -> str:
        declared = self._mapping.type
        return next((case.type for case in declared.cases if self._holds(row, case.when)), declared.default)

    def _holds(self, row: Row, when: When) -> bool:
        text = self._text(row, when.field) if when.field in row.values else ""
        return text == when.equals if when.prefix is None else text.startswith(when.prefix)

    def _data(self, row: Row) -> dict[str, object]:
        data: dict[str, object] = {}
        for name, spec in self._mapping.fields.items():
            if spec.optional and spec.column not in row.values:
                continue
            text = self._text(row, spec.column)
            try:
                data[name] = CONVERT[spec.type](text)
            except ValueError as error:
                raise _Refused(spec.column, str(error)) from error
        return data

    def _text(self, row: Row, column: str) -> str:
        if column not in row.values:
            raise _Refused(column, "no value, but one is required")
        try:
            return text_of(row.values[column])
        except ValueError as error:
            raise _Refused(column, str(error)) from error
