"""A message as Pulsar's client holds it; attributes are made when they are asked for."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, overload

import msgspec

from triggers.brokers.protocol import NO_PROPERTIES, Message


class PulsarMessage(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A `Message` over the client's. A key that is empty is none to Pulsar."""

    raw: Any
    topic: str
    partition: int

    @property
    def payload(self) -> bytes:
        return self.raw.data()  # type: ignore[no-any-return]

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


class Payloads(Sequence[bytes]):
    """What is in a batch of the client's messages, copied out of them at each access: whoever needs one twice keeps it.

    `counted` of them make up `size` bytes: those that were copied, some perhaps more than once.
    """

    __slots__ = ("_data", "_raws", "counted", "size")

    def __init__(self, raws: list[Any]) -> None:
        self._raws, self._data = raws, type(raws[0]).data if raws else None
        self.counted = self.size = 0

    def __len__(self) -> int:
        return len(self._raws)

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> list[bytes]: ...
    def __getitem__(self, place: int | slice) -> bytes | list[bytes]:
        if isinstance(place, int):
            return self._copied([self._raws[place]])[0]
        return self._copied(self._raws[place])

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._copied(self._raws))

    def _copied(self, raws: list[Any]) -> list[bytes]:
        found: list[bytes] = list(map(self._data, raws)) if self._data is not None else []
        self.counted += len(found)
        self.size += sum(map(len, found))
        return found


class PulsarMessages(Sequence[PulsarMessage]):
    """A batch as the client hands it out; each message, and what is in it, is made when it is asked for.

    Of a partition (`partition` None: of all of a topic, and each message says of which).
    """

    __slots__ = ("_partition", "_topic", "payloads", "raws")

    def __init__(self, raws: list[Any], topic: str, partition: int | None) -> None:
        self.raws, self._topic, self._partition = raws, topic, partition
        self.payloads = Payloads(raws)

    def __len__(self) -> int:
        return len(self.raws)

    @overload
    def __getitem__(self, place: int) -> PulsarMessage: ...
    @overload
    def __getitem__(self, place: slice) -> "PulsarMessages": ...
    def __getitem__(self, place: int | slice) -> "PulsarMessage | PulsarMessages":
        if isinstance(place, slice):
            return PulsarMessages(self.raws[place], self._topic, self._partition)
        raw = self.raws[place]
        number = self._partition if self._partition is not None else max(raw.message_id().partition(), 0)
        return PulsarMessage(raw, self._topic, number)

    def __iter__(self) -> Iterator[PulsarMessage]:
        if self._partition is None:
            return map(self.__getitem__, range(len(self)))
        return map(PulsarMessage, self.raws, repeat(self._topic), repeat(self._partition))


def raws_of(messages: Sequence[Message]) -> list[Any]:
    """The client's own.

    Raises:
        TypeError: one was not handed out by this broker.
    """
    if isinstance(messages, PulsarMessages):
        return messages.raws
    raws = []
    for message in messages:
        if not isinstance(message, PulsarMessage):
            raise TypeError(f"{type(message).__name__}: only a message that this broker handed out can be acknowledged")
        raws.append(message.raw)
    return raws


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
