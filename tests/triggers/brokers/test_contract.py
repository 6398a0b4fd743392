"""What every broker promises. A new broker joins by a parameter of the `backend` fixture."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

import pytest

from triggers.brokers import Consumer, Message, Outgoing, RefuseMessage, StopConsuming


def numbered(count: int, key: str | None = None) -> list[Outgoing]:
    return [Outgoing(str(index).encode(), key) for index in range(count)]


def numbers(messages: Sequence[Message]) -> list[int]:
    return [int(message.payload) for message in messages]


async def drain(consumer: Consumer, bound: int = 100) -> list[Message]:
    drained: list[Message] = []
    while batch := await consumer.receive(bound, wait=False):
        drained += batch
    return drained


async def test_a_key_keeps_its_order(backend):
    broker = await backend.open()
    sent = [Outgoing(f"{index}".encode(), f"key-{index % 7}") for index in range(200)]
    for start in range(0, 200, 30):
        await broker.publish("orders", sent[start : start + 30])
    received = await drain(await broker.subscribe("orders", "monitor"), 13)
    assert len(received) == 200
    by_key = defaultdict(list)
    for message in received:
        by_key[message.key].append(message)
    for key, messages in by_key.items():
        assert numbers(messages) == [index for index in range(200) if f"key-{index % 7}" == key]
        assert len({message.partition for message in messages}) == 1
        positions = [message.position for message in messages]
        assert positions == sorted(set(positions))


async def test_payload_key_properties_and_time_arrive_as_sent(backend):
    broker = await backend.open()
    sent = [
        Outgoing(b"\x00\xff", "schlüssel", {"traceparent": "00-1", "größe": "ß"}),
        Outgoing(b"", None, {}),
        Outgoing(b"no key", "", {"empty": ""}),
    ]
    ids = await broker.publish("orders", sent)
    received = {message.message_id: message for message in await drain(await broker.subscribe("orders", "monitor"))}
    assert len(set(ids)) == 3
    for message_id, outgoing in zip(ids, sent, strict=True):
        message = received[message_id]
        assert (message.payload, message.key) == (outgoing.payload, outgoing.key)
        assert dict(message.properties) == dict(outgoing.properties)
        assert (message.topic, message.redeliveries) == ("orders", 0)
        assert message.publish_time > 0


async def test_competing_consumers_share_without_doubles(backend):
    broker, other = await backend.open(), await backend.open()
    first = await broker.subscribe("orders", "work", sharing="shared")
    second = await other.subscribe("orders", "work", sharing="shared")
    await broker.publish("orders", numbered(60))
    shares: list[list[int]] = [[], []]
    for _ in range(6):
        for share, consumer in zip(shares, (first, second), strict=True):
            share += numbers(await consumer.receive(5, wait=False))
    assert sorted(shares[0] + shares[1]) == list(range(60))
    assert len(shares[0]) == len(shares[1]) == 30


async def test_two_subscriptions_each_get_everything(backend):
    broker = await backend.open()
    await broker.publish("orders", numbered(10))
    for name in ("monitor", "audit"):
        consumer = await broker.subscribe("orders", name)
        received = await drain(consumer)
        assert sorted(numbers(received)) == list(range(10))
        await consumer.ack(received)
    assert await broker.backlog("orders", "monitor") == 0


async def test_individual_acks_survive_a_restart(backend):
    broker = await backend.open()
    consumer = await broker.subscribe("orders", "monitor")
    await broker.publish("orders", numbered(20, "one"))
    received = await consumer.receive(20)
    kept = {0, 3, 4, 11, 19}
    await consumer.ack([message for message in received if int(message.payload) not in kept])
    await broker.close()

    reopened = await backend.open()
    again = await drain(await reopened.subscribe("orders", "monitor"))
    assert numbers(again) == sorted(kept)
    assert all(message.redeliveries == 1 for message in again)


async def test_acknowledging_twice_or_late_is_harmless(backend):
    broker = await backend.open()
    first = await broker.subscribe("orders", "monitor", sharing="shared")
    await broker.publish("orders", numbered(4, "one"))
    received = await first.receive(4)
    await first.nack(received[:2])
    second = await broker.subscribe("orders", "monitor", sharing="shared")
    assert numbers(await second.receive(4)) == [0, 1]
    await first.ack(received)
    await first.ack(received)
    assert await broker.backlog("orders", "monitor") == 0
    await second.close()
    assert await first.receive(4, wait=False) == []


async def test_unacknowledged_messages_come_again_after_close(backend):
    broker = await backend.open()
    first = await broker.subscribe("orders", "monitor", sharing="shared")
    await broker.publish("orders", numbered(5, "one"))
    await first.ack((await first.receive(5))[1:3])
    second = await broker.subscribe("orders", "monitor", sharing="shared")
    assert await second.receive(5, wait=False) == []
    await first.close()
    await first.close()
    assert [(int(m.payload), m.redeliveries) for m in await second.receive(5)] == [(0, 1), (3, 1), (4, 1)]


async def test_what_a_killed_process_held_comes_again(backend):
    broker = await backend.open()
    await broker.ensure_subscription("orders", "monitor")
    await broker.publish("orders", numbered(6, "one"))
    consumer = await broker.subscribe("orders", "monitor", sharing="shared")
    process = backend.read_and_hang("orders", "monitor", receive=5, ack=2)
    try:
        assert numbers(await consumer.receive(10)) == [5]
        waiting = asyncio.create_task(consumer.receive(10))
    finally:
        process.kill()
        process.communicate()
    assert numbers(await waiting) == [2, 3, 4]


async def test_nacked_messages_come_again_and_count(backend):
    broker = await backend.open()
    consumer = await broker.subscribe("orders", "monitor")
    await broker.publish("orders", numbered(4, "one"))
    received = await consumer.receive(4)
    await consumer.nack(received[1:3])
    again = await consumer.receive(4)
    assert [(int(message.payload), message.redeliveries) for message in again] == [(1, 1), (2, 1)]
    await consumer.nack(again[:1])
    assert [message.redeliveries for message in await consumer.receive(4)] == [2]


async def test_backlog_counts_what_is_not_acknowledged(backend):
    broker = await backend.open()
    await broker.ensure_subscription("orders", "monitor")
    assert await broker.backlog("orders", "monitor") == 0
    await broker.publish("orders", numbered(10))
    assert await broker.backlog("orders", "monitor") == 10
    consumer = await broker.subscribe("orders", "monitor")
    received = await drain(consumer)
    assert await broker.backlog("orders", "monitor") == 10
    await consumer.ack(received[3:7])
    assert await broker.backlog("orders", "monitor") == 6
    await consumer.ack(received)
    assert await broker.backlog("orders", "monitor") == 0


async def test_too_large_a_message_is_refused_and_nothing_published(backend):
    broker = await backend.open()
    await broker.ensure_subscription("orders", "monitor")
    fits = Outgoing(b"x" * (broker.max_message_bytes - 10), "0123456789")
    with pytest.raises(RefuseMessage, match=str(broker.max_message_bytes)) as refused:
        await broker.publish("orders", [fits, Outgoing(fits.payload, "01234567890")])
    assert refused.value.index == 1
    assert await broker.backlog("orders", "monitor") == 0
    await broker.publish("orders", [fits])
    assert (await (await broker.subscribe("orders", "monitor")).receive(1))[0].payload == fits.payload


async def test_receive_is_bounded(backend):
    broker = await backend.open()
    consumer = await broker.subscribe("orders", "monitor")
    await broker.publish("orders", numbered(10, "one"))
    assert [len(await consumer.receive(4, wait=False)) for _ in range(4)] == [4, 4, 2, 0]
    with pytest.raises(ValueError, match="max_messages: 0"):
        await consumer.receive(0)


async def test_a_new_subscription_starts_where_it_says(backend):
    broker = await backend.open()
    await broker.publish("orders", numbered(3, "one"))
    latest = await broker.subscribe("orders", "new", initial="latest")
    earliest = await broker.subscribe("orders", "old", initial="earliest")
    await broker.publish("orders", [Outgoing(b"3", "one")])
    assert numbers(await drain(latest)) == [3]
    assert numbers(await drain(earliest)) == [0, 1, 2, 3]
    await latest.close()
    assert numbers(await drain(await broker.subscribe("orders", "new", initial="earliest"))) == [3]


async def test_ensuring_a_subscription_before_publishing_misses_nothing(backend):
    broker = await backend.open()
    await broker.ensure_subscription("orders", "monitor")
    await broker.publish("orders", numbered(3, "one"))
    await broker.ensure_subscription("orders", "monitor", initial="latest")
    assert numbers(await drain(await broker.subscribe("orders", "monitor", initial="latest"))) == [0, 1, 2]
    assert await broker.topics() == ["orders"]


async def test_a_waiting_consumer_wakes_for_its_own_and_for_other_connections(backend):
    broker, other = await backend.open(), await backend.open()
    consumer = await broker.subscribe("orders", "monitor")
    for publisher in (broker, other):
        waiting = asyncio.create_task(consumer.receive(1))
        await publisher.publish("orders", [Outgoing(b"0")])
        assert numbers(await waiting) == [0]


@pytest.mark.parametrize("steps", range(8))
async def test_a_cancelled_receive_loses_nothing(backend, steps):
    broker = await backend.open()
    consumer = await broker.subscribe("orders", "monitor")
    await broker.publish("orders", numbered(6, "one"))
    cancelled = asyncio.create_task(consumer.receive(4))
    for _ in range(steps):
        await asyncio.sleep(0)
    assert cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert numbers(await drain(consumer, 2)) == list(range(6))


async def test_a_closed_broker_says_so(backend):
    broker = await backend.open()
    consumer = await broker.subscribe("orders", "monitor")
    waiting = asyncio.create_task(consumer.receive(1))
    await asyncio.sleep(0)
    await broker.close()
    await broker.close()
    with pytest.raises(StopConsuming):
        await waiting
    with pytest.raises(StopConsuming, match="closed"):
        await broker.publish("orders", [Outgoing(b"0")])
    await consumer.close()
