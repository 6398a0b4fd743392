"""`processed` topics: what a stream's events are after mapping, filtering and enrichment, for others to read."""

from collections.abc import Awaitable, Callable, Sequence

from contracts import Event, StreamSpec, encode_event
from triggers.brokers import Broker, Outgoing


def publisher(broker: Broker, stream: StreamSpec) -> Callable[[Sequence[Event]], Awaitable[None]] | None:
    """Publishes events to the stream's `processed` topic, in order and by their keys; None where it has none."""
    topic = stream.processed
    if topic is None:
        return None

    async def publish(events: Sequence[Event]) -> None:
        await broker.publish(topic, [Outgoing(encode_event(event), event.key) for event in events])

    return publish
