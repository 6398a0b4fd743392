"""Who else reads a subscription, and what it has behind it, as a real broker tells it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from tests.triggers.brokers.conftest import PulsarBackend, TickingClock, numbered, publish_singly, take
from triggers.brokers import Usage
from triggers.brokers.pulsar import PulsarBroker, PulsarSettings

pytestmark = pytest.mark.needs("pulsar")
Open = Callable[..., Awaitable[PulsarBroker]]
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
async def opened(pulsar_url: str, pulsar_web_url: str) -> AsyncIterator[Open]:
    """Opens brokers on a namespace of the test's own."""
    backend = PulsarBackend(pulsar_url, pulsar_web_url)
    async with AsyncExitStack() as stack:

        async def make(owner: str, ledger: str | None, **other: str) -> PulsarBroker:
            settings = PulsarSettings(**{**backend.where, **other})
            broker = await PulsarBroker.open(settings, TickingClock(), owner=owner, ledger=ledger, home="its home")
            stack.push_async_callback(broker.close)
            return broker

        yield make
    backend.remove()


@pytest.mark.parametrize("partitions", [1, 3])
async def test_a_consumer_for_another_ledger_is_a_stranger(opened: Open, partitions: int) -> None:
    ours, beside, theirs = await opened("a", "ours"), await opened("b", "ours"), await opened("c", "theirs")
    unnamed = await opened("d", None)
    await ours.create_topic("orders", partitions)
    for each in (ours, beside, unnamed):
        await each.subscribe("orders", "s", partition=partitions - 1)
    assert await ours.usage("orders", "s") == Usage(), "one ledger, and one that says nothing"
    consumer = await theirs.subscribe("orders", "s", partition=partitions - 1)
    await theirs.subscribe("orders", "another", partition=0)
    assert await ours.usage("orders", "s") == await beside.usage("orders", "s") == Usage(("c of its home",))
    assert await theirs.usage("orders", "s") == Usage(("a of its home", "b of its home"))
    assert await unnamed.usage("orders", "s") == Usage()
    await consumer.close()
    assert await ours.usage("orders", "s") == Usage()


async def test_what_was_handled_before_is_counted_as_far_as_it_is_still_there(opened: Open) -> None:
    broker = await opened("a", "ours")
    assert await broker.usage("orders", "packs:s", handled=True) == Usage(), "no such topic"
    await publish_singly(broker, "orders", numbered(5))
    await broker.ensure_subscription("orders", "packs:s")
    assert await broker.usage("orders", "packs:s", handled=True) == Usage(), "all of it is to come"
    consumer = await broker.subscribe("orders", "packs:s", partition=0)
    await consumer.ack(await take(consumer, 3))
    await consumer.close()
    assert await broker.usage("orders", "packs:s", handled=True) == Usage(handled=3)
    assert await broker.usage("orders", "packs:s") == Usage(), "it was not asked for"


async def test_where_nothing_answers_nothing_is_known(opened: Open) -> None:
    broker = await opened("a", "ours", web_url=NOWHERE)
    assert await broker.usage("orders", "s", handled=True) is None
