"""Apache Pulsar behind the broker protocol. See docs/design/broker.md."""

import re
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_fixed

from contracts import Clock
from triggers.brokers.checks import check_messages
from triggers.brokers.errors import AskOperator, RetryLater
from triggers.brokers.protocol import Initial, Outgoing, Sharing, Usage
from triggers.brokers.pulsar.client import Connection
from triggers.brokers.pulsar.consumer import SINGLES, PulsarConsumer
from triggers.brokers.pulsar.credentials import Credentials
from triggers.brokers.pulsar.messages import id_parts
from triggers.brokers.pulsar.probe import probe
from triggers.brokers.pulsar.producers import Producers
from triggers.brokers.pulsar.queues import QueueLength, size_of, subscribed_by_size
from triggers.brokers.pulsar.reader import PulsarReader
from triggers.brokers.pulsar.rest import EXISTS, NotAllowed, Rest
from triggers.brokers.pulsar.settings import PulsarSettings
from triggers.brokers.pulsar.topics import Topic, short_name, topic_named, without_partitions
from triggers.brokers.pulsar.usage import mark_of, usage

_PAUSES_S = (0.02, 0.1)
_AGAIN = AsyncRetrying(
    retry=retry_if_exception_type(RetryLater), stop=stop_after_attempt(3), wait=wait_fixed(1), reraise=True
)
"""To open a reader changes nothing, and a broker that loads the topic may refuse it for a moment."""


class PulsarBroker:
    """One process's connection to a Pulsar. Open it with `PulsarBroker.open`."""

    def __init__(
        self, settings: PulsarSettings, connection: Connection, rest: Rest, owner: str | None, mark: Mapping[str, str]
    ) -> None:
        self._settings, self._connection, self._rest = settings, connection, rest
        self._owner, self._mark = owner, dict(mark)
        self._producers = Producers(connection)
        self._consumers: list[PulsarConsumer | PulsarReader] = []

    @classmethod
    async def open(
        cls,
        settings: PulsarSettings,
        clock: Clock,  # noqa: ARG003
        *,
        owner: str | None = None,
        ledger: str | None = None,
        home: str = "",
    ) -> "PulsarBroker":
        """Connect. `owner` names our consumers in the broker's statistics, `ledger` (an id) says for whom they read,
        and `home` the same for people; see `usage`.

        Raises:
            AskOperator: address, certificate or token are wrong, or the client is not installed.
            RetryLater: nothing answers there now.
        """
        credentials = Credentials(settings)
        if problem := await probe(settings, credentials):
            raise problem
        return cls(
            settings, Connection(settings, credentials), Rest(settings, credentials), owner, mark_of(ledger, home)
        )

    @property
    def max_message_bytes(self) -> int:
        """The bound on payload, key and properties of one message."""
        return self._settings.max_message_bytes

    async def publish(self, topic: str, payloads: Sequence[Outgoing]) -> list[str]:
        """All acknowledged by the broker when this returns."""
        check_messages(payloads, self._settings.max_message_bytes)
        self._connection.assert_open()
        return await self._producers.publish(self._named(topic), payloads) if payloads else []

    async def subscribe(
        self,
        topic: str,
        subscription: str,
        *,
        partition: int | None = None,
        initial: Initial | None = None,
        sharing: Sharing = "failover",
    ) -> PulsarConsumer:
        """A consumer. Of several with `failover` the broker chooses, a second after one came or went."""
        named = self._named(topic)
        names = await self._partitions(named)
        if partition is None and len(names) == 1:
            partition = 0
        full = named.full if partition is None else _one_of(names, partition, named)
        settings, types = self._settings, self._connection.pulsar.ConsumerType

        def subscribed(queue: int) -> Any:
            # What a consumer takes one by one and this together are one batch for who asks for so many.
            batch = max(1, min(settings.batch_max_messages - SINGLES, queue))
            return self._subscribe(
                full,
                subscription,
                consumer_type=getattr(types, sharing.capitalize()),
                consumer_name=self._owner,
                properties=self._mark,
                initial_position=self._position(initial),
                receiver_queue_size=queue,
                batch_receive_policy=self._connection.pulsar.ConsumerBatchReceivePolicy(
                    batch, settings.batch_max_bytes, settings.batch_wait_ms
                ),
            )

        async def attach(queue: int) -> Any:
            return await self._connection.call(topic, "consume", subscribed, queue)

        queue, connection = QueueLength(settings), self._connection
        if partition is not None and queue.matters:
            consumer = await connection.call(topic, "consume", subscribed_by_size, connection, full, queue, subscribed)
        else:
            consumer = await attach(queue.size)
        backlog = partial(self._backlog, named, full, subscription)
        opened = PulsarConsumer(self._connection, consumer, named, partition, sharing, queue, attach, backlog)
        self._keep(opened)
        return opened

    async def ensure_subscription(self, topic: str, subscription: str, *, initial: Initial | None = None) -> None:
        """Create topic and subscription unless they exist."""
        named = self._named(topic)
        for full in await self._partitions(named):
            await self._connection.call(topic, "consume", self._ensure, full, subscription, self._position(initial))

    async def partitions(self, topic: str) -> int:
        """How many the topic has; 1 where it does not exist."""
        return len(await self._partitions(self._named(topic)))

    async def create_topic(self, topic: str, partitions: int) -> None:
        """Create it unless it exists; more than one partition takes the right to create topics."""
        if partitions < 1:
            raise ValueError(f"partitions: {partitions}; at least 1")
        named = self._named(topic)
        if partitions > 1:
            purpose = f"topic {topic!r}: to create it with {partitions} partitions"
            answer = await self._rest.ask("PUT", f"{named.path}/partitions", purpose, partitions)
            if answer.status_code not in (EXISTS, 204):
                raise AskOperator(
                    f"{purpose}: its namespace does not exist, {self._rest.asked}; correct pulsar_namespace"
                )
        found = await self.partitions(topic)
        if found != partitions:
            raise AskOperator(
                f"topic {topic!r} has {found} partitions, {partitions} were asked for;"
                " use another topic, or this number"
            )
        if partitions == 1:
            reader = await self._connection.call(topic, "consume", self._reader, (await self._partitions(named))[0])
            await self._connection.run(reader.close)

    async def topics(self) -> list[str]:
        """All topics of the configured namespace, sorted."""
        path = f"persistent/{self._settings.namespace}"
        purpose = f"topics of {self._settings.namespace}"
        found = await self._rest.get(path, purpose)
        partitioned = await self._rest.get(f"{path}/partitioned", purpose)
        if found is None or partitioned is None:
            raise AskOperator(
                f"pulsar_namespace: {self._settings.namespace}: there is no such namespace, {self._rest.asked};"
                " correct the one that is wrong"
            )
        if not all(
            isinstance(each, list) and all(isinstance(name, str) for name in each) for each in (found, partitioned)
        ):
            raise self._rest.no_pulsar()
        names = without_partitions(found, partitioned)
        return sorted(short_name(name, self._settings.namespace) for name in names)

    async def matching(self, pattern: str) -> list[str]:
        """Topics of the namespace whose name, short or in full, matches."""
        try:
            matches = re.compile(pattern).fullmatch
        except re.error as error:
            raise AskOperator(f"pattern {pattern!r}: {error}; write a regular expression") from error
        return [name for name in await self.topics() if matches(name) or matches(self._named(name).full)]

    async def history(
        self, topic: str, partition: int, *, since: int | None = None, after: str | None = None
    ) -> PulsarReader:
        """What is kept, as far as publish times ascend where `since` is given. What comes meanwhile is read, too."""
        if since is not None and after is not None:
            raise ValueError(f"since: {since}, after: {after!r}; give one of them")
        named = self._named(topic)
        full = _one_of(await self._partitions(named), partition, named)
        at = id_parts(after, partition) if after is not None else None
        await self._assert_there(named, full)
        async for attempt in _AGAIN.copy():
            with attempt:
                reader = await self._connection.call(topic, "consume", self._reader, full, at, since)
        opened = PulsarReader(self._connection, reader, named, partition, since)
        self._keep(opened)
        return opened

    async def backlog(self, topic: str, subscription: str) -> int:
        """Entries not acknowledged: what was published together is one."""
        named = self._named(topic)
        return sum([await self._backlog(named, full, subscription) for full in await self._partitions(named)])

    async def usage(self, topic: str, subscription: str, *, handled: bool = False) -> Usage | None:
        """Two questions over HTTP at most, however many partitions the topic has."""
        named = self._named(topic)
        try:
            whole = await self._partitions(named) == [named.full]
            return await usage(self._rest, named, subscription, self._mark, whole=whole, handled=handled)
        except (AskOperator, RetryLater):
            return None

    async def schema(self, topic: str, version: bytes | None) -> str | None:
        """The definition that the registry keeps: of a version, or the latest."""
        path = f"schemas/{self._named(topic).path.removeprefix('persistent/')}/schema"
        if version is not None:
            path += f"/{int.from_bytes(version)}"
        found = await self._rest.get(path, f"topic {topic!r}: its schema")
        return found and (str(found["data"]) or None)

    async def close(self) -> None:
        """Consumers send their acknowledgements; then the client ends."""
        if self._connection.closed:
            return
        for each in self._consumers:
            await each.close()
        await self._producers.close()
        self._connection.closed = True
        await self._connection.close()
        await self._producers.end()
        await self._rest.close()

    def _keep(self, opened: PulsarConsumer | PulsarReader) -> None:
        self._consumers = [each for each in self._consumers if not each.closed] + [opened]

    def _named(self, topic: str) -> Topic:
        return topic_named(topic, self._settings.namespace)

    def _position(self, initial: Initial | None) -> Any:
        positions = self._connection.pulsar.InitialPosition
        return positions.Earliest if (initial or self._settings.initial) == "earliest" else positions.Latest

    async def _partitions(self, topic: Topic) -> list[str]:
        client = self._connection.client
        names: list[str] = await self._connection.ask(topic.name, client.get_topic_partitions, topic.full)
        return names

    async def _assert_there(self, topic: Topic, full: str) -> None:
        """To read a topic would create it. Where our role may not ask over HTTP, or nobody has said whom, so be it.

        Raises:
            AskOperator, RetryLater: there is no such topic, or the address that was named does not answer.
        """
        try:
            path = topic_named(full, self._settings.namespace).path
            found = await self._rest.get(f"{path}/stats", f"topic {topic.name!r}: whether it is there")
        except (AskOperator, RetryLater) as error:
            if self._rest.named and not isinstance(error, NotAllowed):
                raise
            return
        if found is None:
            raise AskOperator(
                f"topic {topic.name!r}: there is no such topic in {self._settings.namespace}, {self._rest.asked};"
                " correct the topic, or the address if it is another cluster's"
            )

    async def _backlog(self, topic: Topic, full: str, subscription: str) -> int:
        purpose = f"topic {topic.name!r}: its backlog"
        path = topic_named(full, self._settings.namespace).path
        stats = await self._rest.get(f"{path}/stats?getPreciseBacklog=true", purpose)
        found = stats and stats["subscriptions"].get(subscription)
        if not found:
            raise AskOperator(
                f"topic {topic.name!r} has no subscription {subscription!r}, {self._rest.asked}; subscribe to it first"
            )
        return int(found["msgBacklog"])

    def _subscribe(self, full: str, subscription: str, **options: Any) -> Any:
        """In a thread. Somebody may be ensuring the subscription just now, which takes a moment."""
        for pause in (*_PAUSES_S, None):
            try:
                return self._connection.client.subscribe(full, subscription, **options)
            except self._connection.pulsar.ConsumerBusy:
                if pause is None:
                    raise
                time.sleep(pause)
        raise AssertionError

    def _ensure(self, full: str, subscription: str, position: Any) -> None:
        """Exclusively, so that no active consumer is put aside; one that is there has made the subscription."""
        pulsar = self._connection.pulsar
        try:
            self._connection.client.subscribe(
                full,
                subscription,
                consumer_type=pulsar.ConsumerType.Exclusive,
                initial_position=position,
                receiver_queue_size=1,
            ).close()
        except pulsar.ConsumerBusy:
            return

    def _reader(self, full: str, at: tuple[int, int, int] | None = None, since: int | None = None) -> Any:
        queue = QueueLength(self._settings)
        if queue.matters:
            queue.look(size_of(self._connection, full))
        ids = self._connection.pulsar.MessageId
        start = ids.earliest if at is None else ids(-1, *at)
        reader = self._connection.client.create_reader(full, start, receiver_queue_size=queue.size)
        if since is not None:
            reader.seek(since // 1000)
        return reader


def _one_of(names: list[str], partition: int, topic: Topic) -> str:
    if not 0 <= partition < len(names):
        raise AskOperator(f"topic {topic.name!r} has no partition {partition}: it has {len(names)}, counted from 0")
    return names[partition]
