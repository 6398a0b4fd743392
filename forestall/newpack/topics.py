"""A bounded sample of documents, from the end of a topic."""

import difflib
from collections import deque
from collections.abc import Mapping

from agents.mapping import Fault, read_json
from contracts import DAY, HOUR, Clock, StreamSpec
from forestall.brokers import OURS
from forestall.newpack.errors import SampleFault
from forestall.newpack.sample import FAULTS_SHOWN, Sample, nothing_in
from triggers.avro import Documents
from triggers.brokers import Broker, Message

TOPIC_MESSAGES = 10_000
"""Messages of a topic that are looked at unless another number is asked for."""
MESSAGE_MAX_BYTES = 1_000_000
KEPT_MAX_BYTES = 256_000_000
BATCH = 500
FURTHEST = 400 * DAY


async def read_topic(broker: Broker, topic: str, clock: Clock, limit: int | None = None) -> Sample:
    """The last messages of a topic, in the order of publishing. No subscription is made, nothing acknowledged.

    Raises:
        SampleFault: the topic holds no message, or none that is a JSON object.
        BrokerError: the broker cannot be read.
    """
    messages, whole = await _last(broker, topic, limit or TOPIC_MESSAGES, clock.now())
    avro = sum(_is_avro(each) for each in messages) * 2 > len(messages)
    found = await _of_avro(broker, topic, messages) if avro else [_of_json(each) for each in messages]
    documents: list[Mapping[str, object]] = []
    published: list[int] = []
    partitions: list[int] = []
    faults: list[str] = []
    for message, document in zip(messages, found, strict=True):
        if isinstance(document, dict):
            documents.append(document)
            published.append(message.publish_time)
            partitions.append(message.partition)
        else:
            rule = document.rule if isinstance(document, Fault) else "no object; only objects can be mapped"
            faults.append(f"message {message.message_id}: {rule}")
    if not documents:
        raise await _empty(broker, topic, faults)
    return Sample(
        f"topic:{topic}",
        topic,
        documents,
        whole,
        tuple(faults[:FAULTS_SHOWN]),
        len(faults),
        published,
        "avro" if avro else "json",
        partitions,
    )


def _is_avro(message: Message) -> bool:
    """It has a schema, and does not begin as a JSON object does."""
    return message.schema_version is not None and not message.payload.lstrip().startswith(b"{")


def _of_json(message: Message) -> object:
    if len(message.payload) > MESSAGE_MAX_BYTES:
        return Fault(None, None, f"{len(message.payload):,} bytes; at most {MESSAGE_MAX_BYTES:,} are taken")
    return read_json(message.payload)


async def _of_avro(broker: Broker, topic: str, messages: list[Message]) -> list[object]:
    """By the schemas of the broker; their documents are what a pack's mapping sees, too."""
    read = {"type": "sample.read", "time": {"publish": True}, "fields": {"any": "any"}}
    stream = StreamSpec.model_validate({"topic": topic, "format": "avro", "mapping": read})
    return [each.document for each in await Documents(stream, broker).incoming(messages)]


async def _empty(broker: Broker, topic: str, faults: list[str]) -> SampleFault:
    if faults:
        step = "JSON is read, and Avro by the topic's schema; for another format see docs/your-own-pack.md."
        return SampleFault(nothing_in(f"topic {topic}", faults, "message"), step)
    known = [each for each in await broker.topics() if not each.startswith(OURS)]
    near = difflib.get_close_matches(topic, known, n=1, cutoff=0.6)
    named = f"did you mean {near[0]}?" if near and near[0] != topic else f"there is {', '.join(known[:10]) or 'none'}"
    return SampleFault(f"topic {topic}: holds no message; {named}", "Name another topic, or a file, with --from.")


async def _last(broker: Broker, topic: str, limit: int, now: int) -> tuple[list[Message], bool]:
    """Looks back further and further, so that a long topic is not read from its beginning."""
    back = HOUR
    while True:
        since = None if back > FURTHEST else now - back
        found: list[Message] = []
        seen = 0
        for partition in range(await broker.partitions(topic)):
            kept, number = await _tail(broker, topic, partition, since, limit)
            found, seen = found + kept, seen + number
        if seen >= limit or since is None:
            found.sort(key=lambda each: (each.publish_time, each.partition, each.position))
            return found[-limit:], since is None and seen <= limit
        back *= 8


async def _tail(broker: Broker, topic: str, partition: int, since: int | None, limit: int) -> tuple[list[Message], int]:
    kept: deque[Message] = deque(maxlen=limit)
    held = seen = 0
    reader = await broker.history(topic, partition, since=since)
    try:
        while batch := await reader.read(BATCH):
            for message in batch:
                held -= len(kept[0].payload) if len(kept) == limit else 0
                kept.append(message)
                held, seen = held + len(message.payload), seen + 1
                while held > KEPT_MAX_BYTES:
                    held -= len(kept.popleft().payload)
    finally:
        await reader.close()
    return list(kept), seen
