"""What every broker does: an append-only log of topics, and named subscriptions that remember what was handled.

Delivery is at least once. A message that was handed out is delivered to nobody else on that subscription until it is
acknowledged, given back, or its consumer closed or died; then it is delivered again, with `redeliveries` raised.
Within a partition messages are handed out in the order of `position`; messages with the same key share a partition.
One consumer therefore sees each key in order; several on one subscription share the messages among them.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal, Protocol

import msgspec

Initial = Literal["earliest", "latest"]
NO_PROPERTIES: Mapping[str, str] = MappingProxyType({})
MAX_MESSAGE_BYTES = 5_241_880
"""Payload, key and properties together: Pulsar's default frame less what its own metadata needs."""


class Outgoing(msgspec.Struct, frozen=True):
    """What is published. `key` keeps messages of one kind in one partition, in order."""

    payload: bytes
    key: str | None = None
    properties: Mapping[str, str] = NO_PROPERTIES


class Message(msgspec.Struct, frozen=True):
    """What is received.

    `message_id` is opaque; `position` orders messages within `partition`. `publish_time` is in microseconds (UTC).
    `redeliveries` counts the earlier deliveries that ended without an acknowledgement, as far as the broker knows.
    """

    topic: str
    partition: int
    message_id: str
    position: int
    key: str | None
    payload: bytes
    publish_time: int
    properties: Mapping[str, str] = NO_PROPERTIES
    redeliveries: int = 0


class Consumer(Protocol):
    """One reader of a subscription."""

    async def receive(self, max_messages: int, *, wait: bool = True) -> list[Message]:
        """The next messages in order, at least one unless `wait` is False and at most `max_messages`.

        A cancelled call loses nothing: the next call returns what it had fetched.

        Raises:
            StopConsuming: the consumer or its broker is closed, or another holder took over.
            RetryLater, AskOperator: the broker cannot be read.
        """
        ...

    async def ack(self, messages: Sequence[Message]) -> None:
        """These are handled and never come again, after a restart either; in any order, any number of times."""
        ...

    async def nack(self, messages: Sequence[Message]) -> None:
        """Give these back: they are delivered again, to any consumer. Those no longer held here are left alone."""
        ...

    async def close(self) -> None:
        """Give back what is not acknowledged. Closing twice is harmless."""
        ...


class Broker(Protocol):
    """A connection to a broker."""

    @property
    def max_message_bytes(self) -> int:
        """The bound on payload, key and properties of one message."""
        ...

    async def publish(self, topic: str, payloads: Sequence[Outgoing]) -> list[str]:
        """Append in order and return the message ids once they are durable. The topic is created if need be.

        Raises:
            RefuseMessage: one is larger than `max_message_bytes`; nothing was published.
            RetryLater, AskOperator: the broker cannot be written.
        """
        ...

    async def subscribe(self, topic: str, subscription: str, *, initial: Initial = "earliest") -> Consumer:
        """A consumer of the subscription. `initial` says where a subscription starts that does not exist yet."""
        ...

    async def ensure_subscription(self, topic: str, subscription: str, *, initial: Initial = "earliest") -> None:
        """Create topic and subscription unless they exist, so that nothing published from now on is missed."""
        ...

    async def backlog(self, topic: str, subscription: str) -> int:
        """Messages not acknowledged yet, those in flight included.

        Raises:
            AskOperator: there is no such subscription.
        """
        ...

    async def topics(self) -> list[str]:
        """All topics, sorted by name."""
        ...

    async def close(self) -> None:
        """Close every consumer and the connection. Closing twice is harmless."""
        ...
