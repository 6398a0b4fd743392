"""A fixture over the brokers that the contract suite runs against; another broker is another `Backend`."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid1

import httpx
import pytest

from triggers.brokers import Broker, Consumer, EmbeddedBroker, EmbeddedSettings, Message, Outgoing, Sharing
from triggers.brokers.pulsar import PulsarBroker, PulsarSettings

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
QUEUE = 10


class TickingClock:
    """Virtual time: a microsecond passes with every look."""

    def __init__(self) -> None:
        self.time = 1_000_000

    def now(self) -> int:
        self.time += 1
        return self.time


class Backend(Protocol):
    """How the suite reaches one kind of broker. Brokers that it opened are closed by the fixture."""

    where: dict[str, Any]
    queue: int
    """How many messages a consumer may hold that nobody has asked for."""

    async def open(self) -> Broker:
        """Another connection to the same broker."""
        ...

    def bound_batches(self, max_bytes: int) -> None:
        """For what is opened from now on."""
        ...


class EmbeddedBackend:
    """Partitions: 4, so that order per key means something."""

    queue = 0

    def __init__(self, folder: Path) -> None:
        self.where = {"path": str(folder / "events.db")}
        self.clock = TickingClock()
        self.settings = EmbeddedSettings(partitions=4, poll_interval_s=0.002, liveness_polls=2)
        self.opened: list[Broker] = []

    def bound_batches(self, max_bytes: int) -> None:
        self.settings = replace(self.settings, batch_max_bytes=max_bytes)

    async def open(self) -> EmbeddedBroker:
        broker = await EmbeddedBroker.open(Path(self.where["path"]), self.clock, settings=self.settings)
        self.opened.append(broker)
        return broker


class PulsarBackend:
    """A namespace of its own, so that tests do not see each other's topics."""

    queue = QUEUE

    def __init__(self, url: str, web_url: str) -> None:
        self.admin = httpx.Client(base_url=f"{web_url}/admin/v2/", timeout=30, trust_env=False)
        self.namespace = f"public/test-{uuid1().hex}"
        self.where = {"url": url, "web_url": web_url, "namespace": self.namespace, "receiver_queue_size": QUEUE}
        self.opened: list[Broker] = []
        self.admin.put(f"namespaces/{self.namespace}").raise_for_status()

    def bound_batches(self, max_bytes: int) -> None:
        self.where["batch_max_bytes"] = max_bytes

    async def open(self) -> PulsarBroker:
        broker = await PulsarBroker.open(PulsarSettings(**self.where), TickingClock())
        self.opened.append(broker)
        return broker

    def remove(self) -> None:
        """As far as the broker lets us: a namespace that stays does no harm."""
        partitioned = self.admin.get(f"persistent/{self.namespace}/partitioned").json()
        for topic in partitioned:
            self.admin.delete(f"{topic.replace('://', '/')}/partitions?force=true")
        for topic in self.admin.get(f"persistent/{self.namespace}").json():
            self.admin.delete(f"{topic.replace('://', '/')}?force=true")
        self.admin.delete(f"namespaces/{self.namespace}")
        self.admin.close()


@pytest.fixture
def clock() -> TickingClock:
    return TickingClock()


@pytest.fixture(params=["embedded", pytest.param("pulsar", marks=pytest.mark.needs("pulsar"))])
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    if request.param == "embedded":
        made: Any = EmbeddedBackend(tmp_path)
    else:
        web_url = request.getfixturevalue("pulsar_web_url")
        if not web_url:
            pytest.skip("set FORESTALL_TEST_PULSAR_WEB to the broker's REST address: each test makes a namespace")
        made = PulsarBackend(request.getfixturevalue("pulsar_url"), web_url)
    yield made
    for broker in made.opened:
        await broker.close()
    if request.param == "pulsar":
        made.remove()


class Process:
    """`holder.py` at work; killed at the latest when the block ends."""

    def __init__(self, backend: Backend, **task: Any) -> None:
        command = [sys.executable, str(HERE / "holder.py"), json.dumps({"where": backend.where, **task})]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=_environment())

    def __enter__(self) -> "Process":
        return self

    async def line(self) -> Any:
        """The next thing it says."""
        assert self.process.stdout is not None
        return json.loads(await asyncio.to_thread(self.process.stdout.readline))

    def kill(self) -> list[Any]:
        """SIGKILL; what it had said and nobody had read."""
        if self.process.stdout is None or self.process.stdout.closed:
            return []
        self.process.kill()
        said, _ = self.process.communicate()
        return [json.loads(line) for line in said.splitlines() if line]

    def __exit__(self, *_: object) -> None:
        self.kill()


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def numbered(count: int, key: str | None = None) -> list[Outgoing]:
    return [Outgoing(str(index).encode(), key) for index in range(count)]


def numbers(messages: Sequence[Message]) -> list[int]:
    return [int(message.payload) for message in messages]


async def publish_singly(broker: Broker, topic: str, batch: Sequence[Outgoing]) -> list[str]:
    """Each by itself: brokers may acknowledge only together what was published together."""
    return [message_id for one in batch for message_id in await broker.publish(topic, [one])]


async def alone(broker: Broker, topic: str, subscription: str, **options: Any) -> Consumer:
    """A consumer that has the subscription to itself."""
    sharing: Sharing = "exclusive"
    return await broker.subscribe(topic, subscription, sharing=sharing, **options)


async def take(consumer: Consumer, count: int) -> list[Message]:
    """So many, in as many bites as it takes."""
    taken: list[Message] = []
    while len(taken) < count:
        taken += await consumer.receive(count - len(taken))
    return taken


async def drain(consumer: Consumer, bound: int = 100) -> list[Message]:
    """All there is, of a consumer that does not share."""
    drained: list[Message] = []
    while not await consumer.at_end():
        received = await consumer.receive(bound, wait=False)
        assert len(received) <= bound
        drained += received
    return drained
