"""The mapping engine: documents become events, and events are filtered and enriched, as a pack declares it."""

from agents.mapping.documents import read_json
from agents.mapping.instants import instant
from agents.mapping.mapper import Fault, Mapper, Origin, short
from agents.mapping.paths import getter
from agents.mapping.steps import Steps
from agents.mapping.values import CONVERT, text_of

__all__ = ["CONVERT", "Fault", "Mapper", "Origin", "Steps", "getter", "instant", "read_json", "short", "text_of"]
