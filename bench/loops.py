"""Loops over a Pulsar topic without any of ours: what the monitor is measured against."""

import json
import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any

import httpx
import msgspec
import pulsar

from bench.steady import WARM, Pace, Steady

QUIET = pulsar.ConsoleLogger(pulsar.LoggerLevel.Error)


class Envelope(msgspec.Struct, gc=False):
    """The least that a loop has to know of an event."""

    id: str
    type: str
    time: str
    data: msgspec.Raw


def bare(url: str, topic: str, subscription: str, events: int) -> Pace:
    """Batches, the fastest parser, one acknowledgement a batch."""
    decode = msgspec.json.Decoder(Envelope).decode

    def loop(consumer: Any, watch: Steady) -> None:
        left = events
        while left:
            batch = consumer.batch_receive()
            for message in batch:
                decode(message.data())
            if batch:
                consumer.acknowledge_cumulative(batch[len(batch) - 1])
                left -= len(batch)
                watch.took(len(batch))

    policy = pulsar.ConsumerBatchReceivePolicy(4_096, 16 * 1024 * 1024, 5)
    return _timed(url, topic, subscription, loop, batch_receive_policy=policy, receiver_queue_size=10_000)


def naive(url: str, topic: str, subscription: str, events: int) -> Pace:
    """Receive, json.loads, acknowledge each."""

    def loop(consumer: Any, watch: Steady) -> None:
        for some in (WARM, events - WARM):
            for _ in range(some):
                message = consumer.receive()
                json.loads(message.data())
                consumer.acknowledge(message)
            watch.took(some)

    return _timed(url, topic, subscription, loop)


LOOPS: dict[str, Callable[[str, str, str, int], Pace]] = {"bare": bare, "naive": naive}


def _timed(url: str, topic: str, subscription: str, loop: Callable[[Any, Steady], None], **options: Any) -> Pace:
    client = pulsar.Client(url, logger=QUIET)
    try:
        consumer = client.subscribe(
            topic,
            subscription,
            consumer_type=pulsar.ConsumerType.Exclusive,
            initial_position=pulsar.InitialPosition.Earliest,
            **options,
        )
        watch = Steady()
        loop(consumer, watch)
        pace = watch.pace()
        consumer.close()
        return pace
    finally:
        client.close()


def fill(url: str, topic: str, bodies: Iterable[bytes]) -> None:
    """Publish in batches."""
    client = pulsar.Client(url, logger=QUIET)
    producer = client.create_producer(
        topic, batching_enabled=True, batching_max_messages=1_000, block_if_queue_full=True, max_pending_messages=10_000
    )
    for body in bodies:
        producer.send_async(body, lambda *_: None)
    producer.flush()
    client.close()


def round_trip_ms(url: str, topic: str, times: int = 100) -> float:
    """Produce, receive, one after the other."""
    client = pulsar.Client(url, logger=QUIET)
    consumer, producer = client.subscribe(topic, "trip"), client.create_producer(topic, batching_enabled=False)
    found = []
    for _ in range(times):
        begun = time.perf_counter()
        producer.send(b"x")
        consumer.acknowledge(consumer.receive())
        found.append((time.perf_counter() - begun) * 1e3)
    client.close()
    return statistics.median(found)


def clean_up(web: str, topic: str) -> None:
    """Delete the topic, with its subscriptions."""
    httpx.delete(f"{web}/admin/v2/persistent/public/default/{topic}?force=true", timeout=30)
