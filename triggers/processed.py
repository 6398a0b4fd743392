"""`processed` topics: what a stream's events are after mapping, filtering and enrichment, for others to read."""

from collections.abc import Awaitable, Callable, Iterable, Sequence

from contracts import Event, StreamSpec, encode_event
from graphs import PackRuntime, subscription_name
from triggers.brokers import Broker, Outgoing


def publisher(
    broker: Broker, stream: StreamSpec, packs: Iterable[PackRuntime]
) -> Callable[[Sequence[Event]], Awaitable[None]] | None:
    """Publishes events to the stream's `processed` topic, in order and by their keys; None where it has none.

    First it makes sure of the subscriptions of those `packs` that read the topic: a broker may drop what is published
    before they are there.
    """
    topic = stream.processed
    if topic is None:
        return None
    waiting = [
        subscription_name(pack.name, each.name) for pack in packs for each in pack.manifest.streams if each.reads(topic)
    ]

    async def publish(events: Sequence[Event]) -> None:
        while waiting:
            await broker.ensure_subscription(topic, waiting[-1])
            waiting.pop()
        await broker.publish(topic, [Outgoing(encode_event(event), event.key) for event in events])

    return publish
