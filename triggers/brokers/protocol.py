"""What every broker does: an append-only log of topics, and named subscriptions that remember what was handled.

Delivery is at least once. A message that was handed out is delivered to nobody else on that subscription until it is
acknowledged or its consumer closed or died; then it is delivered again. Within a partition messages are handed out in
the order of `position`; messages with the same key share a partition. What several consumers of one subscription do is
their `Sharing`: with `failover` each partition has one active consumer, so each key is seen in order; with `shared`
they share the messages, and order per key then holds for handing out only.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal, Protocol

import msgspec

Initial = Literal["earliest", "latest"]
Sharing = Literal["failover", "exclusive", "shared"]
NO_PROPERTIES: Mapping[str, str] = MappingProxyType({})
MAX_MESSAGE_BYTES = 5_241_880
"""Payload, key and properties together: Pulsar's default frame less what its own metadata needs."""


class Outgoing(msgspec.Struct, frozen=True):
    """What is published. `key` keeps messages of one kind in one partition, in order."""

    payload: bytes
    key: str | None = None
    properties: Mapping[str, str] = NO_PROPERTIES


class Usage(msgspec.Struct, frozen=True):
    """What others do with a subscription of ours, as the broker tells it.

    `strangers` read it now, for another ledger: each message goes to one of us only. `handled` entries that the topic
    still has lie before the place where the subscription stands.
    """

    strangers: tuple[str, ...] = ()
    handled: int = 0


class Message(Protocol):
    """What is received.

    `message_id` is opaque; `position` orders messages within `partition` (0 of a topic without partitions).
    `publish_time` is in microseconds (UTC). `redeliveries` counts earlier deliveries that ended without an
    acknowledgement, as far as the broker knows: Pulsar forgets it when it restarts, and does not count a consumer that
    closed or died. `schema_version` is opaque, see `Broker.schema`.
    """

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def message_id(self) -> str: ...
    @property
    def position(self) -> int: ...
    @property
    def key(self) -> str | None: ...
    @property
    def payload(self) -> bytes: ...
    @property
    def publish_time(self) -> int: ...
    @property
    def properties(self) -> Mapping[str, str]: ...
    @property
    def redeliveries(self) -> int: ...
    @property
    def schema_version(self) -> bytes | None: ...


class Consumer(Protocol):
    """One member of a subscription."""

    async def receive(self, max_messages: int, *, wait: bool = True) -> Sequence[Message]:
        """The next messages in order, at least one unless `wait` is False and at most `max_messages`.

        Without `wait`: those that are here already; a broker behind a network may have more on the way (`at_end`).
        A cancelled call loses nothing: the next call returns what it had fetched.

        Raises:
            StopConsuming: the consumer or its broker is closed, or another holder took over.
            RetryLater, AskOperator: the broker cannot be read.
        """
        ...

    async def ack(self, messages: Sequence[Message]) -> None:
        """These are handled and do not come again after a restart; in any order, any number of times.

        A broker behind a network may lose the last acknowledgements when it or this process is killed; those messages
        then come again. `close` waits for them.
        """
        ...

    async def at_end(self) -> bool:
        """Whether everything published to its partitions before this call was handed out here, or handled before.

        False for a consumer that stands by. With `shared`: whether everything was acknowledged, by whomever.
        """
        ...

    async def close(self) -> None:
        """Give back what is not acknowledged. Closing twice is harmless."""
        ...


class Reader(Protocol):
    """A look at a partition's past that leaves no trace: no subscription, no acknowledgement."""

    async def read(self, max_messages: int) -> list[Message]:
        """The next messages in order; [] when all that was there as the reader was opened has been read."""
        ...

    async def close(self) -> None:
        """Closing twice is harmless."""
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
            RetryLater, AskOperator: the broker cannot be written. Behind a network some may have been published.
        """
        ...

    async def subscribe(
        self,
        topic: str,
        subscription: str,
        *,
        partition: int | None = None,
        initial: Initial | None = None,
        sharing: Sharing = "failover",
    ) -> Consumer:
        """A consumer of the subscription, of one partition or of all.

        `initial` says where a subscription starts that does not exist yet; by default as configured, else "earliest".

        Raises:
            RetryLater: it is consumed exclusively, or shared otherwise, by somebody else.
            AskOperator: there is no such partition.
        """
        ...

    async def ensure_subscription(self, topic: str, subscription: str, *, initial: Initial | None = None) -> None:
        """Create topic and subscription unless they exist, so that nothing published from now on is missed."""
        ...

    async def partitions(self, topic: str) -> int:
        """How many the topic has; of one that does not exist, how many it would get."""
        ...

    async def create_topic(self, topic: str, partitions: int) -> None:
        """Create it unless it exists.

        Raises:
            AskOperator: it exists with another number of partitions.
        """
        ...

    async def topics(self) -> list[str]:
        """All topics, sorted by name."""
        ...

    async def matching(self, pattern: str) -> list[str]:
        """The topics whose whole name the regular expression matches, sorted.

        Raises:
            AskOperator: it is no regular expression.
        """
        ...

    async def history(
        self, topic: str, partition: int, *, since: int | None = None, after: str | None = None
    ) -> Reader:
        """What is kept of a partition: all, or what was published at `since` (us) or later, or behind a message id.

        Raises:
            AskOperator: there is no such topic or partition.
            ValueError: `since` and `after` are both given, or `after` is no message id of the partition.
        """
        ...

    async def backlog(self, topic: str, subscription: str) -> int:
        """What is not acknowledged yet, in flight included: messages, or on Pulsar what it counts itself.

        Pulsar counts entries: messages that were published in one batch are one, until all are acknowledged.

        Raises:
            AskOperator: there is no such subscription.
        """
        ...

    async def usage(self, topic: str, subscription: str, *, handled: bool = False) -> Usage | None:
        """Who else reads it, and with `handled` what it has behind it; None where the broker does not tell."""
        ...

    async def schema(self, topic: str, version: bytes | None) -> str | None:
        """The definition (JSON) that the broker keeps for messages of this `schema_version`; None if there is none."""
        ...

    async def close(self) -> None:
        """Close every consumer and the connection. Closing twice is harmless."""
        ...
