"""Accepted events as columns: what a counter works through without a Python object an event."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from contracts import Event
from ledger import name_identity, name_prefix

Fields = Callable[[Sequence[str]], Callable[[Any], tuple[Any, ...]]]
"""names -> (one element of `Readings.data` -> the values of these fields, None where absent)."""


@dataclass(frozen=True, slots=True)
class Readings:
    """Accepted events of one batch in the order of arrival, as columns of equal length.

    `times` are event times in microseconds. `identities` (16 bytes) tell events apart, which `ids` do within a source
    only. What an element of `data` is, only `fields` knows; of types that nobody looks at it may be None.
    """

    ids: Sequence[str]
    types: Sequence[str]
    times: Sequence[int]
    data: Sequence[Any]
    identities: Sequence[bytes]
    fields: Fields

    def __len__(self) -> int:
        return len(self.ids)

    def only(self, places: Sequence[int]) -> "Readings":
        """These places alone, in the order given."""
        return Readings(
            [self.ids[place] for place in places],
            [self.types[place] for place in places],
            [self.times[place] for place in places],
            [self.data[place] for place in places],
            [self.identities[place] for place in places],
            self.fields,
        )

    @classmethod
    def of(cls, events: Iterable[Event]) -> Self:
        """Columns of whole events, whose `data` are mappings."""
        taken = tuple(events)
        return cls(
            [event.id for event in taken],
            [event.type for event in taken],
            [event.time for event in taken],
            [event.data for event in taken],
            [name_identity(name_prefix(event.tenant, event.source), event.id) for event in taken],
            mapping_fields,
        )


def mapping_fields(names: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """`Readings.fields` where the data are mappings."""
    wanted = tuple(names)
    return lambda data: tuple([data.get(name) for name in wanted])
