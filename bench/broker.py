"""What the brokers cost: publish, receive and acknowledge, round trips; ours beside the client's bare loops.

    python -m bench.broker --pulsar pulsar://127.0.0.1:6650

Without `--pulsar` the embedded log only. Figures of one run belong together: compare those.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bench.machine import describe, fsync_micros, percentile
from triggers.brokers import Broker, EmbeddedBroker, Outgoing
from triggers.brokers.pulsar import PulsarBroker, PulsarSettings
from triggers.clock import WallClock

PAYLOAD = b"x" * 346
BY = 1_000
TAKE = 4_096


async def rates(name: str, broker: Broker, topic: str, count: int) -> None:
    """Publish by 1,000, then receive and acknowledge by up to 4,096."""
    batch = [Outgoing(PAYLOAD, str(index % 100)) for index in range(BY)]
    begun = time.perf_counter()
    for _ in range(count // BY):
        await broker.publish(topic, batch)
    say(f"{name}: publish by {BY}", count, begun)
    consumer = await broker.subscribe(topic, "bench", sharing="exclusive")
    begun, taken, size = time.perf_counter(), 0, 0
    while taken < count:
        messages = await consumer.receive(TAKE)
        taken += len(messages)
        size += sum(len(message.payload) for message in messages)
        await consumer.ack(messages)
    say(f"{name}: receive, read the payload, acknowledge", count, begun)
    assert size == count * len(PAYLOAD)
    await consumer.close()


async def round_trips(name: str, broker: Broker, topic: str, count: int) -> None:
    """Publish one, receive it, publish another, receive that: what a reflex has to wait for at least."""
    there = await broker.subscribe(f"{topic}-there", "bench", sharing="exclusive")
    back = await broker.subscribe(f"{topic}-back", "bench", sharing="exclusive")
    took = []
    for _ in range(count):
        begun = time.perf_counter()
        for consumer, where in ((there, "there"), (back, "back")):
            await broker.publish(f"{topic}-{where}", [Outgoing(PAYLOAD)])
            await consumer.ack(await consumer.receive(1))
        took.append((time.perf_counter() - begun) * 1e3)
    say_trip(name, took)


def bare_rates(client: Any, pulsar: Any, topic: str, count: int) -> None:
    """The client alone: asynchronous sends, `batch_receive`, one acknowledgement a batch."""
    producer = client.create_producer(
        topic,
        batching_enabled=True,
        batching_max_messages=BY,
        batching_max_publish_delay_ms=5,
        block_if_queue_full=True,
        max_pending_messages=10_000,
    )
    begun = time.perf_counter()
    for index in range(count):
        producer.send_async(PAYLOAD, _ignore, partition_key=str(index % 100))
    producer.flush()
    say("bare client: send_async, batched", count, begun)
    consumer = client.subscribe(
        topic,
        "bench",
        initial_position=pulsar.InitialPosition.Earliest,
        receiver_queue_size=2 * TAKE,
        batch_receive_policy=pulsar.ConsumerBatchReceivePolicy(TAKE, -1, 5),
    )
    begun, taken, size = time.perf_counter(), 0, 0
    while taken < count:
        messages = consumer.batch_receive()
        taken += len(messages)
        size += sum(len(message.data()) for message in messages)
        if messages:
            consumer.acknowledge_cumulative(messages[-1])
    say("bare client: batch_receive, read, acknowledge", count, begun)


def bare_round_trips(client: Any, topic: str, count: int) -> None:
    """The client's own produce, receive, produce, receive: blocking calls, unbatched."""
    pairs = [
        (client.create_producer(f"{topic}-{where}"), client.subscribe(f"{topic}-{where}", "bench"))
        for where in ("bare-there", "bare-back")
    ]
    took = []
    for _ in range(count):
        begun = time.perf_counter()
        for producer, consumer in pairs:
            producer.send(PAYLOAD)
            consumer.acknowledge(consumer.receive())
        took.append((time.perf_counter() - begun) * 1e3)
    say_trip("bare client", took)


def _ignore(_: Any, __: Any) -> None:
    pass


def say(what: str, count: int, begun: float) -> None:
    print(f"{what}: {count / (time.perf_counter() - begun):,.0f}/s", flush=True)


def say_trip(name: str, took: Sequence[float]) -> None:
    values = list(took)
    print(
        f"{name}: produce, receive, produce, receive: p50 {percentile(values, 0.5):.2f} ms,"
        f" p99 {percentile(values, 0.99):.2f} ms",
        flush=True,
    )


async def measure(url: str | None, count: int, trips: int, folder: Path, rounds: int) -> None:
    clock = WallClock()
    print(describe(folder, fsync_micros(folder)))
    embedded = await EmbeddedBroker.open(folder / "events.db", clock)
    for number in range(rounds):
        await rates("embedded", embedded, f"rates-{number}", count)
        await round_trips("embedded", embedded, f"trips-{number}", trips)
    await embedded.close()
    if url is None:
        return
    import pulsar

    broker = await PulsarBroker.open(PulsarSettings(url), clock)
    client = pulsar.Client(url, logger=pulsar.FileLogger(pulsar.LoggerLevel.Error, "/dev/null"))
    stamp = clock.now()
    bare: list[Callable[[], None]] = []
    for number in range(rounds):
        topic = f"bench-{stamp}-{number}"
        bare = [
            partial(bare_rates, client, pulsar, f"{topic}-bare", count),
            partial(bare_round_trips, client, topic, trips),
        ]
        await asyncio.to_thread(bare[0])
        await rates("Pulsar", broker, topic, count)
        await asyncio.to_thread(bare[1])
        await round_trips("Pulsar", broker, topic, trips)
    client.close()
    await broker.close()
    print(describe(folder, fsync_micros(folder)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pulsar", help="a broker's service URL")
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--trips", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(given.pulsar, given.messages, given.trips, Path(folder), given.rounds))


if __name__ == "__main__":
    main()
