"""Publishing to a topic with partitions: the client's flushes go one at a time, and none is left out."""

import asyncio
import threading
from collections.abc import AsyncIterator
from threading import Semaphore

import pytest

from tests.triggers.brokers.conftest import PulsarBackend
from triggers.brokers import Outgoing, StopConsuming
from triggers.brokers.pulsar import producers
from triggers.brokers.pulsar.producers import FLUSHES, _Producer

PARTITIONS, PUBLISHES = 4, 200
STUCK_S = 60
"""By then it stands still; on a slow machine it takes a few seconds."""


class _Raw:
    """The client's producer: each flush ends when the test says so, and as a broker may say."""

    def __init__(self) -> None:
        self.begun, self.may_end = Semaphore(0), Semaphore(0)
        self.number = self.under_way = 0

    def flush(self) -> None:
        self.number, self.under_way = self.number + 1, self.under_way + 1
        assert self.under_way == 1
        self.begun.release()
        assert self.may_end.acquire(timeout=STUCK_S)
        self.under_way -= 1
        raise OSError("away")

    async def has_begun(self) -> bool:
        return await asyncio.to_thread(self.begun.acquire, timeout=STUCK_S)


async def test_a_flush_waits_for_the_one_under_way_and_one_is_enough_for_all_that_wait() -> None:
    raw = _Raw()
    producer, idle = _Producer(raw), asyncio.Event()
    ended = producer._next

    def then() -> None:
        ended()
        if not producer._flushing:
            idle.set()

    producer._next = then  # type: ignore[method-assign]
    producer.flush()
    for number in (1, 2):
        assert await raw.has_begun()
        for _ in range(3):
            producer.flush()
        assert raw.number == number
        raw.may_end.release()
    assert await raw.has_begun()
    raw.may_end.release()
    async with asyncio.timeout(STUCK_S):
        await idle.wait()
    assert raw.number == 3
    producer.flush()
    assert await raw.has_begun()
    raw.may_end.release()
    producer.end()
    await asyncio.to_thread(producer.join, STUCK_S)
    assert (raw.number, producer._thread.is_alive()) == (4, False)


async def test_topics_whose_flush_waits_for_long_hold_up_no_other_and_no_exit() -> None:
    waiting, raw = [_Raw() for _ in range(20)], _Raw()
    held = [_Producer(each) for each in waiting]
    for producer in held:
        producer.flush()
    producer = _Producer(raw)
    producer.flush()
    assert await raw.has_begun()
    assert all([await each.has_begun() for each in waiting])
    assert producer._thread.daemon  # who leaves without closing is not held back
    for each in (raw, *waiting):
        each.may_end.release()
    for each in (producer, *held):
        each.end()


@pytest.fixture
async def backend(
    pulsar_url: str, pulsar_web_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[PulsarBackend]:
    """What is not flushed is not sent in this test's time."""
    monkeypatch.setattr(producers, "_BATCH_DELAY_MS", 3_600_000)
    made = PulsarBackend(pulsar_url, pulsar_web_url)
    yield made
    for broker in made.opened:
        await broker.close()
    made.remove()


@pytest.mark.needs("pulsar")
@pytest.mark.parametrize(("count", "beside"), [(1, 1), (100, 1), (1, 8), (100, 3)])
async def test_nothing_that_is_published_waits_for_a_later_flush(
    backend: PulsarBackend, count: int, beside: int
) -> None:
    """One after the other and several beside each other, of few messages and of many."""
    backend.admin.put(f"persistent/{backend.namespace}/many/partitions", json=PARTITIONS).raise_for_status()
    broker = await backend.open()

    async def publish(who: int) -> None:
        for number in range(PUBLISHES // beside):
            await broker.publish("many", [Outgoing(b"x", f"{who}-{number}-{each}") for each in range(count)])

    async with asyncio.timeout(STUCK_S):
        await asyncio.gather(*(publish(who) for who in range(beside)))


@pytest.mark.needs("pulsar")
async def test_what_is_handed_over_when_nobody_waits_any_more_is_sent(backend: PulsarBackend) -> None:
    """Cancelled between the handing over and the acknowledgement."""
    broker = await backend.open()
    await broker.ensure_subscription("many", "reader")
    publishing = asyncio.create_task(broker.publish("many", [Outgoing(b"%d" % each) for each in range(500)]))
    handed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    taken = producers._send

    def send(*given: object) -> None:
        taken(*given)  # type: ignore[arg-type]
        handed.get_loop().call_soon_threadsafe(handed.set_result, None)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(producers, "_send", send)
        await handed
        publishing.cancel()
    async with asyncio.timeout(STUCK_S):
        consumer = await broker.subscribe("many", "reader")
        found = 0
        while found < 500:
            found += len(await consumer.receive(1_000))


@pytest.mark.needs("pulsar")
@pytest.mark.parametrize("partitions", [0, PARTITIONS])
async def test_every_publication_ends_when_the_broker_is_closed_beside_it(
    backend: PulsarBackend, partitions: int
) -> None:
    if partitions:
        backend.admin.put(f"persistent/{backend.namespace}/many/partitions", json=partitions).raise_for_status()
    broker = await backend.open()
    begun = asyncio.Semaphore(0)

    async def publish(count: int) -> None:
        while True:
            await broker.publish("many", [Outgoing(b"x" * 100, f"{each}") for each in range(count)])
            begun.release()

    publishing = [asyncio.create_task(publish(count)) for count in (1, 1, 10, 100, 100, 100, 2_000, 2_000, 2_000)]
    for _ in range(40):
        await begun.acquire()
    await broker.close()
    async with asyncio.timeout(STUCK_S):
        ended = await asyncio.gather(*publishing, return_exceptions=True)
    assert {type(each) for each in ended} == {StopConsuming}
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith(FLUSHES)]
