"""`forestall emit`: files of rows, published as events or as they are."""

from triggers.emit.emitter import EmitReport, emit
from triggers.emit.errors import EmitError, FixFile, FixMapping
from triggers.emit.pace import Pace
from triggers.emit.positions import Position, find_position
from triggers.emit.prepare import BadRow, Plan
from triggers.emit.rows import Row, open_rows

__all__ = [
    "BadRow",
    "EmitError",
    "EmitReport",
    "FixFile",
    "FixMapping",
    "Pace",
    "Plan",
    "Position",
    "Row",
    "emit",
    "find_position",
    "open_rows",
]
