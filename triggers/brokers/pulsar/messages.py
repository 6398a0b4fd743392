"""A message as Pulsar's client holds it; attributes are made when they are asked for."""

from collections.abc import Mapping
from itertools import repeat
from typing import Any

import msgspec

from triggers.brokers.protocol import NO_PROPERTIES


class PulsarMessage(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A `Message` over the client's. A key that is empty is none to Pulsar."""

    raw: Any
    topic: str
    partition: int
    payload: bytes

    @property
    def key(self) -> str | None:
        return self.raw.partition_key() or None

    @property
    def message_id(self) -> str:
        return id_text(self.raw.message_id(), self.partition)

    @property
    def position(self) -> int:
        return position_of(self.raw.message_id())

    @property
    def publish_time(self) -> int:
        return self.raw.publish_timestamp() * 1000  # type: ignore[no-any-return]

    @property
    def properties(self) -> Mapping[str, str]:
        return self.raw.properties() or NO_PROPERTIES

    @property
    def redeliveries(self) -> int:
        return self.raw.redelivery_count()  # type: ignore[no-any-return]

    @property
    def schema_version(self) -> bytes | None:
        version = self.raw.int_schema_version()
        return None if version < 0 else version.to_bytes(8)


def messages_of(raws: list[Any], topic: str, partition: int | None) -> list[PulsarMessage]:
    """Of a partition, or each of the partition that it names; without a line of Python an object where it can be."""
    if not raws:
        return []
    payloads = map(type(raws[0]).data, raws)
    if partition is not None:
        return list(map(PulsarMessage, raws, repeat(topic), repeat(partition), payloads))
    numbers = [max(raw.message_id().partition(), 0) for raw in raws]
    return list(map(PulsarMessage, raws, repeat(topic), numbers, payloads))


def position_of(message_id: Any) -> int:
    """Orders within a partition; wider than 64 bits where a ledger's number is above 32,767.

    A message that was not batched, and the first of a batch, have the same index: they are never in one entry.
    """
    return (message_id.ledger_id() << 48) | (message_id.entry_id() << 16) | max(message_id.batch_index(), 0)  # type: ignore[no-any-return]


def id_text(message_id: Any, partition: int) -> str:
    """As `id_parts` reads it: ledger, entry, partition, index in its batch (-1: not batched)."""
    return f"{message_id.ledger_id()}:{message_id.entry_id()}:{partition}:{message_id.batch_index()}"


def id_parts(message_id: str, partition: int) -> tuple[int, int, int]:
    """Ledger, entry and index.

    Raises:
        ValueError: it is no message id of this partition.
    """
    try:
        ledger, entry, number, index = map(int, message_id.split(":"))
    except ValueError:
        number = -1
    if number != partition:
        raise ValueError(f"after: {message_id!r}; give a message id of partition {partition}")
    return ledger, entry, index
