"""A piece of history: a message as it will be played, and when what it tells of happened."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from contracts import EventMapping
from forestall.backtest.result import Rows


@dataclass(frozen=True, slots=True)
class Recorded:
    """`topic` is the pack's, `time` the event's (microseconds), or None of what is no event.

    `mapping` is what made an event of a row or of a message, where something did.
    """

    topic: str
    payload: bytes
    key: str | None
    time: int | None
    mapping: EventMapping | None = None


class History(Protocol):
    """Where the past comes from; read once, from its beginning to its end."""

    @property
    def name(self) -> str:
        """What a report calls it."""
        ...

    @property
    def rows(self) -> Rows:
        """What was read so far, and what of it could not be used."""
        ...

    def batches(self) -> AsyncIterator[list[Recorded]]:
        """In the order in which it is to be played.

        Raises:
            ForestallError, EmitError, BrokerError: it cannot be read (on).
        """
        ...
