"""A consumer's queue is bounded in bytes, whatever the messages weigh; nothing is lost or moved when it changes."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.triggers.brokers.conftest import ROOT, PulsarBackend, drain
from triggers.brokers import Consumer, Message, Outgoing
from triggers.brokers.pulsar.queues import GROWS_AFTER, QueueLength
from triggers.brokers.pulsar.settings import PulsarSettings

pulsar = pytest.mark.needs("pulsar")
LARGE, COUNT, MB = 4_000_000, 40, 1024 * 1024
LOOKS = 2_000
BOUND_MB = 80
"""Sixteen that wait, eight in hand (in the client, and as Python has them), and what the client needs for itself."""


@pytest.fixture
async def backend(pulsar_url: str, pulsar_web_url: str) -> AsyncIterator[PulsarBackend]:
    made = PulsarBackend(pulsar_url, pulsar_web_url)
    del made.where["receiver_queue_size"]
    yield made
    for broker in made.opened:
        await broker.close()
    made.remove()


def _sized(first: int, count: int, size: int) -> list[Outgoing]:
    return [Outgoing(b"%08d" % number + b"x" * size) for number in range(first, first + count)]


def _numbers(messages: list[Message]) -> list[int]:
    return [int(each.payload[:8]) for each in messages]


def _queue(consumer: Consumer) -> int:
    return consumer._queue.size  # type: ignore[attr-defined,no-any-return]


def _hoarded(backend: PulsarBackend, **settings: Any) -> dict[str, float]:
    """What a process came to that took nothing until the broker had sent all that it was let send."""
    task = {**backend.where, "topic": "large", "batch_max_bytes": 8 * MB, **settings}
    command = [sys.executable, "-m", "tests.triggers.brokers.hoarder", json.dumps(task)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "subscribed\n"
        for _ in range(LOOKS):
            stats = backend.admin.get(f"persistent/{backend.namespace}/large/stats").json()["subscriptions"]["hoarder"]
            if stats["consumers"] and (
                stats["consumers"][0]["availablePermits"] <= 0 or stats["msgOutCounter"] >= COUNT
            ):
                break
        found: dict[str, float] = json.loads(process.communicate("go on\n", timeout=120)[0])
        return found


@pulsar
async def test_large_messages_do_not_fill_the_memory(backend: PulsarBackend) -> None:
    """Two processes one after the other, each with a subscription of its own; the second is the control."""
    broker = await backend.open()
    await broker.ensure_subscription("large", "keep")
    for one in _sized(0, COUNT, LARGE):
        await broker.publish("large", [one])
    found = _hoarded(backend, receiver_bytes=16 * MB)
    assert found["taken"] == COUNT
    assert found["mb"] < BOUND_MB
    backend.admin.delete(f"persistent/{backend.namespace}/large/subscription/hoarder?force=true").raise_for_status()
    control = _hoarded(backend, receiver_bytes=10**12)
    assert control["taken"] == COUNT
    assert control["mb"] > BOUND_MB


@pulsar
async def test_messages_that_grow_under_way_make_the_queue_shorter_and_none_is_lost_or_moved(
    backend: PulsarBackend,
) -> None:
    """Small ones at both ends, which is what a consumer looks at; while some are held back unacknowledged."""
    backend.where |= {"receiver_bytes": MB, "batch_max_bytes": 2 * MB}
    broker = await backend.open()
    await broker.ensure_subscription("growing", "monitor")
    for first, count, size in ((0, 100, 10), (100, 60, 100_000), (160, 100, 10)):
        await broker.publish("growing", _sized(first, count, size))
    consumer = await broker.subscribe("growing", "monitor", partition=0, sharing="exclusive")
    assert _queue(consumer) == 16_384
    taken, held = [], []
    while not await consumer.at_end():
        messages = await consumer.receive(70, wait=False)
        taken += _numbers(messages)
        if held:
            await consumer.ack(held)
        held = messages or held
    assert taken == list(range(260))
    assert _queue(consumer) < 100
    await consumer.ack(held)
    await consumer.close()
    again = await broker.subscribe("growing", "monitor", partition=0, sharing="exclusive")
    assert _numbers(await drain(again)) in ([], taken[160:]), "what was published together is acknowledged together"


@pulsar
async def test_a_topic_of_which_nothing_is_known_begins_with_a_short_queue(backend: PulsarBackend) -> None:
    broker = await backend.open()
    consumer = await broker.subscribe("fresh", "monitor", partition=0, sharing="exclusive")
    assert _queue(consumer) == 25
    await broker.publish("fresh", _sized(0, 3 * GROWS_AFTER, 10))
    taken: list[int] = []
    while len(taken) < 3 * GROWS_AFTER:
        messages = await consumer.receive(500)
        taken += _numbers(messages)
        await consumer.ack(messages)
    assert taken == list(range(3 * GROWS_AFTER))
    assert _queue(consumer) == 16_384


def test_one_large_message_among_small_ones_changes_nothing() -> None:
    queue = QueueLength(PulsarSettings("pulsar://broker", receiver_bytes=100 * MB))
    queue.look(100)
    assert queue.size == 16_384
    for _ in range(100):
        queue.seen(63, 63 * 100)
        assert not queue.misfits
    queue.seen(1, 500_000)
    assert not queue.misfits
    for _ in range(5):
        queue.seen(16, 16 * LARGE)
    assert queue.misfits
    queue.fit()
    assert (queue.size, queue.misfits) == (26, False)
