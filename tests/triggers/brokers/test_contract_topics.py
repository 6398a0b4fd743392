"""What every broker promises about topics, partitions, subscriptions and history."""

import pytest

from tests.triggers.brokers.conftest import alone, drain, numbered, numbers, publish_singly
from triggers.brokers import AskOperator, Outgoing


async def read_all(reader, bound=7):
    found = []
    while batch := await reader.read(bound):
        assert len(batch) <= bound
        found += batch
    await reader.close()
    return found


async def test_backlog_counts_what_is_not_acknowledged(backend):
    broker = await backend.open()
    await broker.ensure_subscription("orders", "monitor")
    assert await broker.backlog("orders", "monitor") == 0
    await publish_singly(broker, "orders", numbered(10, "one"))
    assert await broker.backlog("orders", "monitor") == 10
    consumer = await alone(broker, "orders", "monitor")
    received = await drain(consumer)
    assert await broker.backlog("orders", "monitor") == 10
    await consumer.ack(received[3:7])
    await consumer.close()
    assert await broker.backlog("orders", "monitor") == 6
    consumer = await alone(broker, "orders", "monitor")
    await consumer.ack(await drain(consumer))
    await consumer.close()
    assert await broker.backlog("orders", "monitor") == 0


async def test_the_backlog_of_nothing_is_an_error(backend):
    broker = await backend.open()
    await broker.ensure_subscription("orders", "other")
    for topic in ("orders", "returns"):
        with pytest.raises(AskOperator, match=f"'{topic}' has no subscription 'monitor'"):
            await broker.backlog(topic, "monitor")


async def test_a_new_subscription_starts_where_it_says(backend):
    broker = await backend.open()
    await broker.publish("orders", numbered(3, "one"))
    latest = await alone(broker, "orders", "new", initial="latest")
    earliest = await alone(broker, "orders", "old", initial="earliest")
    await broker.publish("orders", [Outgoing(b"3", "one")])
    assert numbers(await latest.receive(10)) == [3]
    assert numbers(await drain(earliest)) == [0, 1, 2, 3]
    await latest.close()
    assert numbers(await drain(await alone(broker, "orders", "new", initial="earliest"))) == [3]


async def test_ensuring_a_subscription_before_publishing_misses_nothing(backend):
    broker = await backend.open()
    await broker.ensure_subscription("orders", "monitor")
    await broker.publish("orders", numbered(3, "one"))
    await broker.ensure_subscription("orders", "monitor", initial="latest")
    consumer = await alone(broker, "orders", "monitor", initial="latest")
    await broker.ensure_subscription("orders", "monitor")  # its consumer is not disturbed
    assert numbers(await drain(consumer)) == [0, 1, 2]
    assert await broker.topics() == ["orders"]


async def test_topics_are_found_by_pattern(backend):
    broker = await backend.open()
    for topic in ("shop.orders", "shop.returns", "shopping", "plant"):
        await broker.create_topic(topic, 1)
    await broker.create_topic("shop.parts", 3)
    assert await broker.topics() == ["plant", "shop.orders", "shop.parts", "shop.returns", "shopping"]
    assert await broker.matching(r"shop\..*") == ["shop.orders", "shop.parts", "shop.returns"]
    assert await broker.matching("nothing") == []
    with pytest.raises(AskOperator, match=r"pattern.*regular expression"):
        await broker.matching("shop(")


async def test_a_topic_has_the_partitions_that_it_was_made_with(backend):
    broker = await backend.open()
    for _ in range(2):
        await broker.create_topic("orders", 3)
        await broker.create_topic("plain", 1)
    assert (await broker.partitions("orders"), await broker.partitions("plain")) == (3, 1)
    for topic, other in (("orders", 4), ("orders", 1), ("plain", 3)):
        with pytest.raises(AskOperator, match=f"'{topic}' has . partitions, {other} were asked for"):
            await broker.create_topic(topic, other)
    with pytest.raises(ValueError, match="partitions: 0"):
        await broker.create_topic("orders", 0)


async def test_a_consumer_of_a_partition_gets_its_part_in_order(backend):
    broker = await backend.open()
    await broker.create_topic("orders", 3)
    await broker.ensure_subscription("orders", "monitor")
    sent = [Outgoing(str(index).encode(), f"key-{index % 10}") for index in range(100)]
    ids = await broker.publish("orders", sent)
    found = {}
    for number in range(3):
        consumer = await broker.subscribe("orders", "monitor", partition=number, sharing="exclusive")
        received = await drain(consumer)
        await consumer.ack(received)
        await consumer.close()
        assert {message.partition for message in received} <= {number}
        assert {message.topic for message in received} <= {"orders"}
        positions = [message.position for message in received]
        assert positions == sorted(set(positions))
        assert numbers(received) == sorted(numbers(received))
        found |= {message.message_id: message for message in received}
    assert sorted(found) == sorted(ids)
    assert len({message.partition for message in found.values()}) > 1
    assert await broker.backlog("orders", "monitor") == 0


async def test_a_consumer_of_all_partitions_gets_everything(backend):
    broker = await backend.open()
    await broker.create_topic("orders", 3)
    await broker.publish("orders", [Outgoing(str(index).encode(), f"key-{index % 10}") for index in range(50)])
    consumer = await alone(broker, "orders", "monitor")
    received = []
    while len(received) < 50:
        received += await consumer.receive(20)
    assert sorted(numbers(received)) == list(range(50))
    await consumer.ack(received)
    await consumer.close()
    again = await alone(broker, "orders", "monitor")
    assert await drain(again) == []


async def test_a_partition_that_is_not_there_is_named(backend):
    broker = await backend.open()
    await broker.create_topic("orders", 3)
    for number in (3, -1):
        with pytest.raises(AskOperator, match=f"'orders'.*partition {number}.*it has 3"):
            await broker.subscribe("orders", "monitor", partition=number)
        with pytest.raises(AskOperator, match=f"'orders'.*partition {number}.*it has 3"):
            await broker.history("orders", number)


async def test_history_is_read_from_the_start_from_a_message_and_from_a_time(backend):
    broker = await backend.open()
    await broker.create_topic("orders", 1)
    ids = await publish_singly(broker, "orders", numbered(10))
    ids += await broker.publish("orders", [Outgoing(str(index).encode()) for index in range(10, 30)])
    everything = await read_all(await broker.history("orders", 0))
    assert numbers(everything) == list(range(30))
    assert [message.message_id for message in everything] == ids
    for place in (0, 9, 10, 17, 28, 29):
        found = await read_all(await broker.history("orders", 0, after=ids[place]))
        assert numbers(found) == list(range(place + 1, 30))
    for message in (everything[0], everything[5], everything[10]):
        found = await read_all(await broker.history("orders", 0, since=message.publish_time))
        assert numbers(found) == [int(each.payload) for each in everything if each.publish_time >= message.publish_time]
    assert await read_all(await broker.history("orders", 0, since=everything[-1].publish_time + 1000)) == []


async def test_history_leaves_no_trace(backend):
    broker = await backend.open()
    await broker.create_topic("orders", 2)
    await broker.ensure_subscription("orders", "monitor")
    await publish_singly(broker, "orders", [Outgoing(str(index).encode(), str(index)) for index in range(20)])
    found = [await read_all(await broker.history("orders", number)) for number in (0, 1)]
    assert sorted(numbers(found[0] + found[1])) == list(range(20))
    assert [{message.partition for message in part} for part in found] == [{0}, {1}]
    assert await broker.backlog("orders", "monitor") == 20


async def test_history_refuses_what_it_cannot_find(backend):
    broker = await backend.open()
    await broker.create_topic("orders", 1)
    with pytest.raises(AskOperator, match="'nothing'"):
        await broker.history("nothing", 0)
    for wrong in ({"since": 1, "after": "0:0"}, {"after": "unread"}, {"after": "7:0:0"}):
        with pytest.raises(ValueError, match="after"):
            await broker.history("orders", 0, **wrong)


async def test_a_topic_without_a_schema_has_none(backend):
    broker = await backend.open()
    await broker.create_topic("orders", 1)
    assert await broker.schema("orders", None) is None
