"""A fixture over the brokers that the contract suite runs against; another broker is another `Backend`."""

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

import pytest

from triggers.brokers import Broker, EmbeddedBroker, EmbeddedSettings

ROOT = Path(__file__).parents[3]

READ_AND_HANG = """
import asyncio, sys
from pathlib import Path
from triggers.brokers import EmbeddedBroker

class Clock:
    def now(self):
        return 0

async def main(path, topic, subscription, receive, ack):
    broker = await EmbeddedBroker.open(Path(path), Clock())
    consumer = await broker.subscribe(topic, subscription, sharing="shared")
    messages = await consumer.receive(int(receive))
    await consumer.ack(messages[:int(ack)])
    print("ready", flush=True)
    await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""


class TickingClock:
    """Virtual time: a microsecond passes with every look."""

    def __init__(self) -> None:
        self.time = 1_000_000

    def now(self) -> int:
        self.time += 1
        return self.time


class Backend(Protocol):
    """How the suite reaches one kind of broker. Brokers that it opened are closed by the fixture."""

    async def open(self) -> Broker:
        """Another connection to the same broker."""
        ...

    def read_and_hang(self, topic: str, subscription: str, *, receive: int, ack: int) -> subprocess.Popen[str]:
        """A process that has received and acknowledged so many messages, and now holds the rest."""
        ...


class EmbeddedBackend:
    """Partitions: 4, so that order per key means something."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "events.db"
        self.clock = TickingClock()
        self.settings = EmbeddedSettings(partitions=4, poll_interval_s=0.002, liveness_polls=2)
        self.opened: list[EmbeddedBroker] = []

    async def open(self) -> EmbeddedBroker:
        broker = await EmbeddedBroker.open(self.path, self.clock, settings=self.settings)
        self.opened.append(broker)
        return broker

    def read_and_hang(self, topic: str, subscription: str, *, receive: int, ack: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", READ_AND_HANG, str(self.path), topic, subscription, str(receive), str(ack)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process


@pytest.fixture
def clock() -> TickingClock:
    return TickingClock()


@pytest.fixture(params=["embedded"])
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    assert request.param == "embedded"
    embedded = EmbeddedBackend(tmp_path)
    yield embedded
    for broker in embedded.opened:
        await broker.close()
