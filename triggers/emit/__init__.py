"""`forestall emit`: files of rows, published as events."""

from triggers.emit.build import BadRow
from triggers.emit.emitter import EmitReport, emit
from triggers.emit.errors import EmitError, FixFile, FixMapping
from triggers.emit.load import load_mapping
from triggers.emit.mapping import MappingSpec
from triggers.emit.rows import Row, open_rows

__all__ = [
    "BadRow",
    "EmitError",
    "EmitReport",
    "FixFile",
    "FixMapping",
    "MappingSpec",
    "Row",
    "emit",
    "load_mapping",
    "open_rows",
]
