"""A broker in which every topic of one play has a name of its own, so that plays on a shared broker do not mix."""

from collections.abc import Sequence
from typing import Any

from triggers.brokers import Broker, Consumer, Outgoing, Usage


class PrefixedBroker:
    """Puts `prefix` before every topic's name, and takes it off the names that it gives."""

    def __init__(self, broker: Broker, prefix: str) -> None:
        self._broker, self._prefix = broker, prefix

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    async def publish(self, topic: str, payloads: Sequence[Outgoing]) -> list[str]:
        """See `Broker.publish`."""
        return await self._broker.publish(self._prefix + topic, payloads)

    async def subscribe(self, topic: str, subscription: str, **options: Any) -> Consumer:
        """See `Broker.subscribe`."""
        return await self._broker.subscribe(self._prefix + topic, subscription, **options)

    async def ensure_subscription(self, topic: str, subscription: str, **options: Any) -> None:
        """See `Broker.ensure_subscription`."""
        await self._broker.ensure_subscription(self._prefix + topic, subscription, **options)

    async def partitions(self, topic: str) -> int:
        """See `Broker.partitions`."""
        return await self._broker.partitions(self._prefix + topic)

    async def create_topic(self, topic: str, partitions: int) -> None:
        """See `Broker.create_topic`."""
        await self._broker.create_topic(self._prefix + topic, partitions)

    async def backlog(self, topic: str, subscription: str) -> int:
        """See `Broker.backlog`."""
        return await self._broker.backlog(self._prefix + topic, subscription)

    async def usage(self, topic: str, subscription: str, *, handled: bool = False) -> Usage | None:
        """See `Broker.usage`."""
        return await self._broker.usage(self._prefix + topic, subscription, handled=handled)

    async def topics(self) -> list[str]:
        """See `Broker.topics`: those of this play."""
        found = await self._broker.topics()
        return [name.removeprefix(self._prefix) for name in found if name.startswith(self._prefix)]
