"""The mapping engine: documents become events, and events are filtered and enriched, as a pack declares it."""

from agents.mapping.columns import Arrived, ColumnMapper, Columns, own_id
from agents.mapping.documents import decode_json, read_json
from agents.mapping.instants import instant
from agents.mapping.mapper import Fault, Mapper, Origin, short
from agents.mapping.paths import getter
from agents.mapping.steps import Steps
from agents.mapping.time_columns import calendar
from agents.mapping.values import CONVERT, text_of

__all__ = [
    "CONVERT",
    "Arrived",
    "ColumnMapper",
    "Columns",
    "Fault",
    "Mapper",
    "Origin",
    "Steps",
    "calendar",
    "decode_json",
    "getter",
    "instant",
    "own_id",
    "read_json",
    "short",
    "text_of",
]
