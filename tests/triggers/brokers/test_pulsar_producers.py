"""Publishing to a topic with partitions: the client's flushes go one at a time, and none is left out."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from threading import Semaphore

import pytest

from tests.triggers.brokers.conftest import PulsarBackend
from triggers.brokers import Outgoing
from triggers.brokers.pulsar import producers
from triggers.brokers.pulsar.producers import _Producer

PARTITIONS, PUBLISHES = 4, 200
STUCK_S = 60
"""By then it stands still; on a slow machine it takes a few seconds."""


class _Raw:
    """The client's producer: each flush ends when the test says so."""

    def __init__(self) -> None:
        self.begun, self.may_end = Semaphore(0), Semaphore(0)
        self.number = self.under_way = 0

    def flush(self) -> None:
        self.number, self.under_way = self.number + 1, self.under_way + 1
        assert self.under_way == 1
        self.begun.release()
        self.may_end.acquire()
        self.under_way -= 1
        raise OSError("as a broker may say")


async def test_a_flush_waits_for_the_one_under_way_and_one_is_enough_for_all_that_wait() -> None:
    raw, threads = _Raw(), ThreadPoolExecutor(2)
    producer = _Producer(raw, threads)
    producer.flush()
    for number in (1, 2):
        await asyncio.to_thread(raw.begun.acquire)
        for _ in range(3):
            producer.flush()
        assert raw.number == number
        raw.may_end.release()
    await asyncio.to_thread(raw.begun.acquire)
    raw.may_end.release()
    await asyncio.to_thread(threads.shutdown)
    assert raw.number == 3
    producer.flush()  # closed: nothing happens


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
