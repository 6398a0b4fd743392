"""What every broker promises about messages and consumers. A new broker joins by a parameter of `backend`."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

import pytest

from tests.triggers.brokers.conftest import Process, alone, drain, numbered, numbers, publish_singly, take
from triggers.brokers import Message, Outgoing, RefuseMessage, RetryLater, StopConsuming


async def test_a_key_keeps_its_order(backend):
    broker = await backend.open()
    sent = [Outgoing(f"{index}".encode(), f"key-{index % 7}") for index in range(200)]
    for start in range(0, 200, 30):
        await broker.publish("orders", sent[start : start + 30])
    received = await drain(await alone(broker, "orders", "monitor"), 13)
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
        Outgoing(b"no key", None, {"empty": ""}),
    ]
    ids = await broker.publish("orders", sent)
    received = {message.message_id: message for message in await drain(await alone(broker, "orders", "monitor"))}
    assert len(set(ids)) == 3
    for message_id, outgoing in zip(ids, sent, strict=True):
        message = received[message_id]
        assert (message.payload, message.key) == (outgoing.payload, outgoing.key)
        assert dict(message.properties) == dict(outgoing.properties)
        assert (message.topic, message.redeliveries, message.schema_version) == ("orders", 0, None)
        assert message.publish_time > 0


async def test_a_dead_letter_arrives_with_reason_and_origin(backend):
    """What cannot be read goes to a topic of its own, where a subscription keeps it."""
    broker = await backend.open()
    await broker.ensure_subscription("orders.dead", "dead-letters")
    why = {"reason": "E_JSON: not JSON (ü)", "origin-topic": "orders", "origin-partition": "3", "origin-id": "3:17"}
    await broker.publish("orders.dead", [Outgoing(b"\xff\x00{", "k", why)])
    [letter] = await drain(await alone(broker, "orders.dead", "dead-letters"))
    assert (letter.payload, letter.key, dict(letter.properties)) == (b"\xff\x00{", "k", why)


async def test_competing_consumers_share_without_doubles(backend):
    broker, other = await backend.open(), await backend.open()
    consumers = [await each.subscribe("orders", "work", sharing="shared") for each in (broker, other)]
    await publish_singly(broker, "orders", numbered(60))
    both = await asyncio.gather(*(consumer.receive(5) for consumer in consumers))
    shares = [numbers(received) for received in both]
    for consumer, received in zip(consumers, both, strict=True):
        await consumer.ack(received)
    done = asyncio.Event()

    async def work(which: int) -> None:
        while True:
            received = await consumers[which].receive(5)
            shares[which] += numbers(received)
            await consumers[which].ack(received)
            if len(shares[0] + shares[1]) >= 60:
                done.set()
            await asyncio.sleep(0)

    workers = [asyncio.create_task(work(which)) for which in (0, 1)]
    await done.wait()
    for worker in workers:
        worker.cancel()
    assert sorted(shares[0] + shares[1]) == list(range(60))
    assert all(shares)


async def test_a_consumer_that_is_not_read_holds_at_most_its_bound(backend):
    broker, other = await backend.open(), await backend.open()
    idle = await broker.subscribe("orders", "work", sharing="shared")
    busy = await other.subscribe("orders", "work", sharing="shared")
    await publish_singly(broker, "orders", numbered(100))
    taken = await take(busy, 100 - backend.queue)
    await busy.ack(taken)
    await idle.close()
    assert sorted(numbers(taken + await take(busy, 100 - len(taken)))) == list(range(100))


async def test_two_subscriptions_each_get_everything(backend):
    broker = await backend.open()
    await broker.publish("orders", numbered(10))
    for name in ("monitor", "audit"):
        consumer = await alone(broker, "orders", name)
        received = await drain(consumer)
        assert sorted(numbers(received)) == list(range(10))
        await consumer.ack(received)
        await consumer.close()
        assert await broker.backlog("orders", name) == 0


@pytest.mark.parametrize("sharing", ["failover", "shared"])
async def test_individual_acks_survive_a_restart(backend, sharing):
    broker = await backend.open()
    await broker.ensure_subscription("orders", "monitor")
    await publish_singly(broker, "orders", numbered(20, "one"))
    consumer = await broker.subscribe("orders", "monitor", sharing=sharing)
    received = await take(consumer, 20)
    kept = [0, 3, 4, 11, 19]
    await consumer.ack([message for message in received if int(message.payload) not in kept])
    await broker.close()

    reopened = await backend.open()
    assert numbers(await take(await reopened.subscribe("orders", "monitor", sharing=sharing), 5)) == kept


async def test_what_was_acknowledged_in_order_does_not_come_again(backend):
    broker = await backend.open()
    await publish_singly(broker, "orders", numbered(20, "one"))
    consumer = await alone(broker, "orders", "monitor")
    received = await take(consumer, 20)
    await consumer.ack(received[:7])
    await consumer.ack(received[9:10])
    await consumer.ack(received[7:9])
    await consumer.ack(received[10:12])
    await consumer.close()
    assert numbers(await drain(await alone(broker, "orders", "monitor"))) == list(range(12, 20))


async def test_acknowledging_twice_or_late_is_harmless(backend):
    broker, other = await backend.open(), await backend.open()
    first = await broker.subscribe("orders", "monitor", sharing="shared")
    await publish_singly(broker, "orders", numbered(4, "one"))
    received = await take(first, 4)
    await first.ack(received[2:])
    await first.close()
    second = await other.subscribe("orders", "monitor", sharing="shared")
    again = await take(second, 2)
    assert numbers(again) == [0, 1]
    third = await broker.subscribe("orders", "monitor", sharing="shared")
    await third.ack(received)
    await third.ack(received)
    await second.ack(again)
    for each in (second, third):
        await each.close()
    assert await broker.backlog("orders", "monitor") == 0


async def test_unacknowledged_messages_come_again_after_close(backend):
    broker = await backend.open()
    first = await broker.subscribe("orders", "monitor", sharing="shared")
    await publish_singly(broker, "orders", numbered(5, "one"))
    await first.ack((await take(first, 5))[1:3])
    second = await broker.subscribe("orders", "monitor", sharing="shared")
    assert not await second.receive(5, wait=False)
    await first.close()
    await first.close()
    assert numbers(await take(second, 3)) == [0, 3, 4]


@pytest.mark.parametrize("sharing", ["failover", "shared"])
async def test_what_a_killed_process_held_comes_again(backend, sharing):
    broker = await backend.open()
    await broker.ensure_subscription("orders", "monitor")
    await publish_singly(broker, "orders", numbered(6, "one"))
    with Process(backend, topic="orders", subscription="monitor", sharing=sharing, receive=5, ack=0) as holder:
        assert await holder.line() == [0, 1, 2, 3, 4]
        consumer = await broker.subscribe("orders", "monitor", sharing=sharing)
        waiting = asyncio.create_task(take(consumer, 6))
        await asyncio.sleep(0)
        holder.kill()
        assert sorted(numbers(await waiting)) == [0, 1, 2, 3, 4, 5]


async def test_a_partition_has_one_owner_and_another_takes_over(backend):
    brokers = [await backend.open(), await backend.open()]
    consumers = [await each.subscribe("orders", "monitor", partition=0) for each in brokers]
    await brokers[0].create_topic("other", await brokers[0].partitions("orders"))
    reading = [asyncio.create_task(take(each, 10)) for each in consumers]
    sender = await backend.open()
    key = await _key_of_partition_0(sender)
    await publish_singly(sender, "orders", numbered(10, key))
    done, pending = await asyncio.wait(reading, return_when=asyncio.FIRST_COMPLETED)
    assert (len(done), len(pending)) == (1, 1)
    owner = reading.index(next(iter(done)))
    received = next(iter(done)).result()
    assert numbers(received) == list(range(10))
    await consumers[owner].ack(received[:4])
    await brokers[owner].close()
    await publish_singly(sender, "orders", [Outgoing(str(index).encode(), key) for index in range(10, 14)])
    assert numbers(await next(iter(pending))) == list(range(4, 14))


async def _key_of_partition_0(broker) -> str:
    """The embedded topic has four partitions: a key that lands in the first."""
    for key in ("a", "b", "c", "d", "e", "f", "g", "h"):
        [message_id] = await broker.publish("probe", [Outgoing(b"", key)])
        reader = await broker.history("probe", 0)
        if message_id in [message.message_id for message in await reader.read(100)]:
            return key
    raise AssertionError("no key lands in partition 0")


async def test_consumers_of_one_subscription_share_alike(backend):
    broker, other = await backend.open(), await backend.open()
    first = await alone(broker, "orders", "monitor")
    for sharing in ("exclusive", "failover", "shared"):
        with pytest.raises(RetryLater, match=r"'orders'.*another consumer"):
            await other.subscribe("orders", "monitor", sharing=sharing)
    await first.close()
    await other.subscribe("orders", "monitor", sharing="shared")
    with pytest.raises(RetryLater, match="another consumer"):
        await broker.subscribe("orders", "monitor")


async def test_the_end_is_known(backend):
    broker = await backend.open()
    consumer = await alone(broker, "orders", "monitor")
    assert await consumer.at_end()
    await broker.publish("orders", numbered(5, "one"))
    assert not await consumer.at_end()
    received = await take(consumer, 4)
    assert not await consumer.at_end()
    received += await take(consumer, 1)
    assert await consumer.at_end()
    await consumer.ack(received)
    await consumer.close()
    again = await alone(broker, "orders", "monitor")
    assert await drain(again) == []
    await broker.publish("orders", numbered(1, "one"))
    assert not await again.at_end()
    assert numbers(await drain(again)) == [0]


async def test_too_large_a_message_is_refused_and_nothing_published(backend):
    broker = await backend.open()
    await broker.ensure_subscription("orders", "monitor")
    fits = Outgoing(b"x" * (broker.max_message_bytes - 10), "0123456789")
    with pytest.raises(RefuseMessage, match=str(broker.max_message_bytes)) as refused:
        await broker.publish("orders", [fits, Outgoing(fits.payload, "01234567890")])
    assert refused.value.index == 1
    assert await broker.backlog("orders", "monitor") == 0
    await broker.publish("orders", [fits])
    assert (await (await alone(broker, "orders", "monitor")).receive(1))[0].payload == fits.payload


async def test_receive_is_bounded(backend):
    broker = await backend.open()
    consumer = await alone(broker, "orders", "monitor")
    await broker.publish("orders", numbered(10, "one"))
    received: list[Sequence[Message]] = []
    while sum(map(len, received)) < 10:
        received.append(await consumer.receive(4))
    assert max(map(len, received)) <= 4
    assert not await consumer.receive(4, wait=False)
    with pytest.raises(ValueError, match="max_messages: 0"):
        await consumer.receive(0)


async def test_a_batch_is_bounded_in_bytes(backend):
    """By twice the bound, where some are taken one by one and the rest together."""
    backend.bound_batches(3_000)
    broker = await backend.open()
    consumer = await alone(broker, "orders", "monitor")
    await broker.publish("orders", [Outgoing(b"x" * 1_000, "one")] * 9 + [Outgoing(b"x" * 9_000, "one")])
    received: list[Sequence[Message]] = []
    while sum(map(len, received)) < 10:
        received.append(await consumer.receive(100))
    sizes = [sum(len(each.payload) for each in batch) for batch in received]
    assert max(sizes[:-1]) <= 6_000
    assert sizes[-1] <= 15_000, "the large one, and what came before it"


async def test_a_waiting_consumer_wakes_for_its_own_and_for_other_connections(backend):
    broker, other = await backend.open(), await backend.open()
    consumer = await alone(broker, "orders", "monitor")
    for publisher in (broker, other):
        waiting = asyncio.create_task(consumer.receive(1))
        await publisher.publish("orders", [Outgoing(b"0")])
        assert numbers(await waiting) == [0]


@pytest.mark.parametrize("steps", range(8))
async def test_a_cancelled_receive_loses_nothing(backend, steps):
    broker = await backend.open()
    consumer = await alone(broker, "orders", "monitor")
    await broker.publish("orders", numbered(6, "one"))
    cancelled = asyncio.create_task(consumer.receive(4))
    for _ in range(steps):
        await asyncio.sleep(0)
    received = [] if cancelled.cancel() else cancelled.result()  # a fast broker may have been done
    if not received:
        with pytest.raises(asyncio.CancelledError):
            await cancelled
    assert numbers([*received, *await drain(consumer, 2)]) == list(range(6))


async def test_a_closed_broker_says_so(backend):
    broker = await backend.open()
    consumer = await alone(broker, "orders", "monitor")
    waiting = asyncio.create_task(consumer.receive(1))
    await asyncio.sleep(0)
    await broker.close()
    await broker.close()
    with pytest.raises(StopConsuming):
        await waiting
    with pytest.raises(StopConsuming, match="closed"):
        await broker.publish("orders", [Outgoing(b"0")])
    await consumer.close()
