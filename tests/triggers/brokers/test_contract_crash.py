"""What every broker promises about being killed: `kill -9` of whatever writes the log."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

from forestall.devbroker import DevPulsar
from tests.triggers.brokers.conftest import Backend, EmbeddedBackend, Process, PulsarBackend, alone, numbers
from triggers.brokers import Broker, Consumer, Outgoing, RetryLater

EPHEMERAL = 32_768
"""From here on a client that looks for the dead broker may itself be given its port, and the broker another one."""


def lasting_ports() -> list[int]:
    """Two free ones that no outgoing connection takes meanwhile."""
    found: list[int] = []
    for port in range(20_000 + os.getpid() % 5_000, EPHEMERAL):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == 2:
            return found
    raise AssertionError("no two free ports")


class Crash(Protocol):
    """A broker that is killed while numbers are published to `orders`, key `one`."""

    backend: Backend

    async def publish_through_it(self) -> list[int]:
        """What was acknowledged, before and after."""
        ...


class EmbeddedCrash:
    """The broker lives in the publishing process."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    async def publish_through_it(self) -> list[int]:
        with Process(self.backend, topic="orders") as publisher:
            acknowledged = [await publisher.line() for _ in range(50)]
            acknowledged += publisher.kill()
        return acknowledged


class PulsarCrash:
    """A server of its own, killed and started again."""

    def __init__(self, backend: Backend, server: DevPulsar) -> None:
        self.backend, self._server = backend, server

    async def publish_through_it(self) -> list[int]:
        broker = await self.backend.open()
        acknowledged: list[int] = []
        enough, restarted = asyncio.Event(), asyncio.Event()

        async def publish() -> None:
            while not (restarted.is_set() and len(acknowledged) > 100):
                number = len(acknowledged)
                try:
                    await broker.publish("orders", [Outgoing(str(number).encode(), "one")])
                except RetryLater:
                    continue
                acknowledged.append(number)
                if number == 50:
                    enough.set()

        publishing = asyncio.create_task(publish())
        await enough.wait()
        assert await asyncio.to_thread(self._server.kill)
        assert not publishing.done()
        await asyncio.to_thread(self._server.start)
        restarted.set()
        await publishing
        return acknowledged


@pytest.fixture(params=["embedded", pytest.param("pulsar", marks=pytest.mark.needs("pulsar", "java"))])
async def crash(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Crash]:
    if request.param == "embedded":
        backend: Any = EmbeddedBackend(tmp_path)
        made: Crash = EmbeddedCrash(backend)
    else:
        make: Callable[..., DevPulsar] = request.getfixturevalue("own_pulsar")
        server = make("pulsar", *lasting_ports())
        await asyncio.to_thread(server.start)
        backend = PulsarBackend(server.url, server.web_url)
        made = PulsarCrash(backend, server)
    yield made
    for broker in backend.opened:
        await broker.close()


async def read_until(consumer: Consumer, number: int) -> list[int]:
    found: list[int] = []
    while number not in found:
        try:
            received = await consumer.receive(100)
        except RetryLater:
            continue
        found += numbers(received)
        await consumer.ack(received)
    return found


async def test_nothing_acknowledged_is_lost_when_the_broker_is_killed(crash: Crash) -> None:
    """The consumer stays through it; what it acknowledged just before may come again."""
    reader: Broker = await crash.backend.open()
    await reader.ensure_subscription("orders", "monitor")
    await reader.ensure_subscription("orders", "audit")
    consumer = await alone(reader, "orders", "monitor")
    acknowledged = await crash.publish_through_it()
    assert len(acknowledged) >= 50
    seen = await read_until(consumer, acknowledged[-1])
    assert sorted(set(seen)) == sorted(set(seen) | set(acknowledged))
    firsts = list(dict.fromkeys(seen))
    assert firsts == sorted(firsts)
    other = await crash.backend.open()
    audited = await read_until(await alone(other, "orders", "audit"), acknowledged[-1])
    assert set(acknowledged) <= set(audited)
