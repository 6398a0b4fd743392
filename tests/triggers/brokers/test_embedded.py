"""What only the embedded broker promises: its file, its holders, its faults."""

import asyncio
import contextlib
import sqlite3
from pathlib import Path

import pytest

from triggers.brokers import (
    AskOperator,
    EmbeddedBroker,
    EmbeddedSettings,
    Outgoing,
    RefuseMessage,
    RetryLater,
    StopConsuming,
)
from triggers.brokers.log_file import FORMAT, _check_format, explain, open_log
from triggers.brokers.segments import SEGMENT_MAX_BYTES, SEGMENT_MAX_MESSAGES

PAYLOAD = b"x" * 300


@pytest.fixture
async def path(tmp_path):
    return tmp_path / "events.db"


@pytest.fixture
async def broker(path, clock):
    opened = await EmbeddedBroker.open(path, clock)
    yield opened
    await opened.close()


def in_thread(broker, *statements):
    """Run statements on the broker's own connection."""
    return broker._thread.call(lambda: [broker._connection.execute(text).fetchall() for text in statements])


async def test_every_connection_is_wal_and_full(broker):
    [[(mode,)], [(level,)]] = await in_thread(broker, "PRAGMA journal_mode", "PRAGMA synchronous")
    assert (mode, level) == ("wal", 2)


def test_a_file_that_cannot_be_wal_is_refused():
    with pytest.raises(AskOperator, match="needs WAL and FULL"):
        open_log(Path(":memory:"), busy_timeout_s=1)


async def test_an_owner_of_the_same_name_takes_over_at_once(path, clock):
    first = await EmbeddedBroker.open(path, clock, owner="worker-1")
    abandoned = await first.subscribe("orders", "monitor")
    await first.publish("orders", [Outgoing(b"0"), Outgoing(b"1")])
    await abandoned.receive(1)

    second = await EmbeddedBroker.open(path, clock, owner="worker-1")
    again = await (await second.subscribe("orders", "monitor")).receive(5)
    assert [(message.payload, message.redeliveries) for message in again] == [(b"0", 1), (b"1", 0)]
    with pytest.raises(StopConsuming, match="took over"):
        await abandoned.receive(1, wait=False)
    await first.close()
    assert await second.backlog("orders", "monitor") == 2
    third = await EmbeddedBroker.open(path, clock, owner="worker-2")
    assert await (await third.subscribe("orders", "monitor")).receive(5, wait=False) == []
    await second.close()
    await third.close()


async def test_no_lock_file_stays_behind(broker, path, clock):
    other = await EmbeddedBroker.open(path, clock, owner="other")
    replaced = await EmbeddedBroker.open(path, clock, owner="other")
    for opened in (other, replaced):
        await opened.close()
    assert len(list(path.with_name("events.db-holders").iterdir())) == 1
    await broker.close()
    assert not list(path.with_name("events.db-holders").iterdir())


async def test_two_processes_may_create_the_file_at_once(path, clock):
    opened = await asyncio.gather(*(EmbeddedBroker.open(path, clock) for _ in range(6)))
    await asyncio.gather(*(broker.publish("orders", [Outgoing(b"0")]) for broker in opened))
    await opened[0].ensure_subscription("orders", "monitor")
    assert await opened[0].backlog("orders", "monitor") == 6
    for broker in opened:
        await broker.close()


async def test_a_file_that_is_being_made_is_not_taken_for_another(path):
    """Between two looks at its header another process may have made it."""

    class Late:
        def __init__(self) -> None:
            self._connection = sqlite3.connect(path, isolation_level=None)

        def execute(self, statement: str) -> sqlite3.Cursor:
            if "sqlite_master" in statement:
                with contextlib.suppress(sqlite3.OperationalError), sqlite3.connect(path, timeout=0) as other:
                    other.execute("CREATE TABLE topic (id INTEGER PRIMARY KEY)")
            return self._connection.execute(statement)

    _check_format(Late(), path)


async def test_a_cancelled_publish_that_happened_wakes_who_waits(path, clock):
    broker = await EmbeddedBroker.open(path, clock, settings=EmbeddedSettings(poll_interval_s=3600))
    consumer = await broker.subscribe("orders", "monitor")
    waiting = asyncio.create_task(consumer.receive(1))
    await broker.topics()
    await broker.topics()  # calls run in order: by now the consumer has looked and waits
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    publishing = asyncio.create_task(broker.publish("orders", [Outgoing(b"0")]))
    for _ in range(3):
        await asyncio.sleep(0)
    assert publishing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await publishing
    blocker.execute("COMMIT")
    blocker.close()
    assert [message.payload for message in await waiting] == [b"0"]
    await broker.close()


async def test_a_receive_cancelled_as_its_messages_arrive_loses_nothing(broker):
    consumer = await broker.subscribe("orders", "monitor")
    await broker.publish("orders", [Outgoing(b"0"), Outgoing(b"1")])
    receiving = asyncio.create_task(consumer.receive(2))
    await asyncio.sleep(0)
    assert consumer._claim is not None
    consumer._claim.add_done_callback(lambda _: receiving.cancel())
    with pytest.raises(asyncio.CancelledError):
        await receiving
    assert [message.payload for message in await consumer.receive(2, wait=False)] == [b"0", b"1"]


async def test_a_batch_is_bounded_by_bytes_too(path, clock):
    broker = await EmbeddedBroker.open(path, clock, settings=EmbeddedSettings(batch_max_bytes=700))
    consumer = await broker.subscribe("orders", "monitor")
    await broker.publish("orders", [Outgoing(PAYLOAD)] * 5 + [Outgoing(b"x" * 1000)] * 2)
    assert [len(await consumer.receive(100, wait=False)) for _ in range(6)] == [2, 2, 1, 1, 1, 0]
    await broker.close()


async def test_no_partition_starves_another(path, clock):
    broker = await EmbeddedBroker.open(path, clock, settings=EmbeddedSettings(partitions=2))
    consumer = await broker.subscribe("orders", "monitor")
    await broker.publish("orders", [Outgoing(b"", str(index)) for index in range(100)])
    first, second = await consumer.receive(5), await consumer.receive(5)
    assert {message.partition for message in first} != {message.partition for message in second}
    await broker.close()


async def test_big_batches_are_stored_in_bounded_segments(broker):
    large = [Outgoing(str(index).encode() + b"x" * (SEGMENT_MAX_BYTES // 3)) for index in range(8)]
    await broker.publish("orders", large)
    await broker.publish("orders", [Outgoing(b"")] * (2 * SEGMENT_MAX_MESSAGES + 1))
    [counts] = await in_thread(broker, "SELECT count FROM segment ORDER BY id")
    assert [count for (count,) in counts] == [3, 3, 2, SEGMENT_MAX_MESSAGES, SEGMENT_MAX_MESSAGES, 1]
    received = await (await broker.subscribe("orders", "monitor")).receive(9)
    assert [message.payload for message in received[:8]] == [one.payload for one in large]


async def test_only_what_everybody_acknowledged_is_pruned(broker):
    slow, fast = await broker.subscribe("orders", "slow"), await broker.subscribe("orders", "fast")
    for _ in range(10):
        await broker.publish("orders", [Outgoing(PAYLOAD)] * 10)
    assert await broker.prune("orders", 100) == 0
    await fast.ack(await fast.receive(100))
    assert await broker.prune("orders", 100) == 0
    await slow.ack(await slow.receive(55))
    assert await broker.prune("orders", 35) == 30
    assert await broker.prune("orders", 100) == 20
    await slow.close()
    left = await (await broker.subscribe("orders", "slow")).receive(100)
    assert [message.position for message in left] == list(range(55, 100))
    assert (await (await broker.subscribe("orders", "new")).receive(1))[0].position == 50


async def test_positions_go_on_after_everything_was_pruned(broker):
    consumer = await broker.subscribe("orders", "monitor")
    await broker.publish("orders", [Outgoing(b"0")] * 3)
    await consumer.ack(await consumer.receive(3))
    assert await broker.prune("orders", 3) == 3
    assert await broker.publish("orders", [Outgoing(b"3")]) == ["0:3"]
    assert [message.payload for message in await consumer.receive(3)] == [b"3"]


@pytest.mark.parametrize(
    "outgoing",
    [
        Outgoing("text"),
        Outgoing(b"", 7),
        Outgoing(b"", "\ud800"),
        Outgoing(b"", None, {"a": 1}),
        Outgoing(b"", None, []),
    ],
)
async def test_what_could_not_be_read_back_is_refused(broker, outgoing):
    with pytest.raises(RefuseMessage, match="message 1 of the batch") as refused:
        await broker.publish("orders", [Outgoing(b"good"), outgoing])
    assert refused.value.index == 1
    assert await broker.topics() == []


async def test_a_consumer_takes_only_its_own_topics_messages(broker):
    orders, returns = await broker.subscribe("orders", "monitor"), await broker.subscribe("returns", "monitor")
    await broker.publish("orders", [Outgoing(b"0")])
    with pytest.raises(ValueError, match="'orders' given to a consumer of 'returns'"):
        await returns.ack(await orders.receive(1))


async def test_the_backlog_of_nothing_is_an_error(broker):
    with pytest.raises(AskOperator, match="'orders' has no subscription 'monitor'"):
        await broker.backlog("orders", "monitor")


async def test_a_full_disk_is_named_and_survived(broker):
    consumer = await broker.subscribe("orders", "monitor")
    await broker.publish("orders", [Outgoing(b"before")])
    [[(pages,)]] = await in_thread(broker, "PRAGMA page_count")
    await in_thread(broker, f"PRAGMA max_page_count = {pages}")
    with pytest.raises(AskOperator, match=r"events\.db: the disk is full; free space") as full:
        await broker.publish("orders", [Outgoing(PAYLOAD)] * 1000)
    assert "\n" not in str(full.value)
    await in_thread(broker, "PRAGMA max_page_count = 1000000")
    await broker.publish("orders", [Outgoing(b"after")])
    assert [message.payload for message in await consumer.receive(5)] == [b"before", b"after"]


async def test_a_newer_format_is_named(path, clock):
    await (await EmbeddedBroker.open(path, clock)).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
    with pytest.raises(AskOperator, match=rf"events\.db: format {FORMAT + 1}, .* upgrade Forestall"):
        await EmbeddedBroker.open(path, clock)


async def test_somebody_elses_database_is_left_alone(path, clock):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (id)")
    with pytest.raises(AskOperator, match="not an event log of Forestall"):
        await EmbeddedBroker.open(path, clock)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]


async def test_a_file_that_is_no_database_is_named(path, clock):
    path.write_bytes(b"this is a text file, not a database" * 100)
    with pytest.raises(AskOperator, match=r"events\.db: not an SQLite file; move it aside"):
        await EmbeddedBroker.open(path, clock)


async def test_a_damaged_file_is_named(path, clock):
    broker = await EmbeddedBroker.open(path, clock)
    await broker.publish("orders", [Outgoing(PAYLOAD)] * 100)
    await broker.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\x99" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(AskOperator, match=r"events\.db: the file is damaged; move it aside"):
        await EmbeddedBroker.open(path, clock)


async def test_a_missing_folder_is_named(tmp_path, clock):
    with pytest.raises(AskOperator, match="cannot be opened; check that its folder exists"):
        await EmbeddedBroker.open(tmp_path / "nowhere" / "events.db", clock)


async def test_a_read_only_file_is_named(path, clock):
    await (await EmbeddedBroker.open(path, clock)).close()
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection, pytest.raises(sqlite3.Error) as found:
        connection.execute("CREATE TABLE more (id)")
    explained = explain(path, found.value)
    assert isinstance(explained, AskOperator)
    assert "read-only; make both writable" in str(explained)


async def test_a_busy_file_asks_to_try_again(path, clock):
    broker = await EmbeddedBroker.open(path, clock, settings=EmbeddedSettings(busy_timeout_s=0))
    await broker.publish("orders", [Outgoing(b"0")])
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(RetryLater, match="another process is writing; try again"):
        await broker.publish("orders", [Outgoing(b"1")])
    blocker.execute("COMMIT")
    blocker.close()
    await broker.publish("orders", [Outgoing(b"1")])
    await broker.close()
