"""A run until idle beside services: what a living one reads is left to it, by name; what a killed one had is read."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from contracts import HOUR, SECOND
from tests.graphs.plant import START, Plant
from tests.triggers.station import Station, open_station, reading
from triggers.bell import IDLE_WAIT_S
from triggers.sharing import LEASE_MICROS, RENEW_MICROS

EVENTS = 40
LEFT = "not read to the end here, but left to who goes on with it: "


async def share(*stations: Station) -> None:
    for _ in range(2):
        for each in stations:
            await each.intake.settle()


async def kill(station: Station) -> None:
    """It gives nothing back but its connection to the broker."""
    await station.broker.close()


def pass_time(leaving: Station, *living: Station) -> None:
    """While the one that wants to leave waits, the clock goes on, and the services that live do what they do idle."""
    clock, real = leaving.plant.clock, leaving.ledger.changed

    async def changed(since: int, timeout_s: float) -> bool:  # noqa: ARG001
        clock.move_to(clock.now() + int(IDLE_WAIT_S * SECOND))
        for each in living:
            await each.intake.settle(look=False)
        return await real(since, 0)

    leaving.ledger.changed = changed  # type: ignore[method-assign]


@asynccontextmanager
async def stations(home: Path, *owners: str) -> AsyncIterator[list[Station]]:
    """One for each owner on a topic of four partitions with something in each; all but the last share them."""
    plant = Plant(home)
    plant.clock.move_to(START + HOUR)
    async with AsyncExitStack() as stack:
        found = [await stack.enter_async_context(open_station(plant, owner=each, partitions=4)) for each in owners[:1]]
        found += [await stack.enter_async_context(open_station(plant, owner=each)) for each in owners[1:]]
        await share(*found[:-1])
        await found[0].publish(*(reading(n / 10) for n in range(EVENTS)))
        yield found


async def leave(station: Station) -> int:
    """How long it took on the clock, in microseconds."""
    begun = station.plant.clock.now()
    async with asyncio.timeout(60):
        await station.worker.run_until_idle()
    return station.plant.clock.now() - begun


async def events(station: Station) -> int:
    return (await station.counters()).get("events", 0)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.removeprefix(LEFT) for each in caplog.messages if each.startswith(LEFT)]


@pytest.mark.parametrize("killed", [1, 2])
async def test_what_killed_services_had_is_read(tmp_path: Path, killed: int, caplog: pytest.LogCaptureFixture) -> None:
    async with stations(tmp_path, *"ab"[:killed], "z") as found:
        for each in found[:-1]:
            await kill(each)
        pass_time(found[-1])
        assert LEASE_MICROS < await leave(found[-1]) < LEASE_MICROS + RENEW_MICROS
        assert await events(found[-1]) == EVENTS
        assert await found[-1].intake.done()
    assert told(caplog) == []
    silent = [each for each in caplog.messages if "no sign of life from " + " and ".join("ab"[:killed]) in each]
    assert len(silent) == 1


async def test_a_living_service_keeps_its_partitions(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with stations(tmp_path, "a", "z") as (service, leaving):
        leaving.intake.passing()
        await share(service, leaving)  # from now on only time makes anybody renew
        pass_time(leaving, service)
        assert await leave(leaving) <= 2 * RENEW_MICROS, "nobody waits longer than for its next sign of life"
        assert service.intake.owned
        assert 0 < await events(leaving) < EVENTS
        await leaving.worker.close()
        await service.worker.drain()
        assert await events(service) == EVENTS
    assert told(caplog) == ["pumps#0, pumps#1 to a"]
    assert not [each for each in caplog.messages if "no sign of life" in each]


async def test_a_killed_one_beside_a_living_one_is_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What it had is shared by the living; nothing is left to the dead."""
    async with stations(tmp_path, "a", "b", "z") as (service, killed, leaving):
        await share(service, killed, leaving)
        before = await events(leaving)
        await kill(killed)
        pass_time(leaving, service)
        assert await leave(leaving) <= LEASE_MICROS + 2 * RENEW_MICROS
        assert await events(leaving) > before
        await leaving.worker.close()
        await service.worker.drain()
        assert await events(service) == EVENTS
    (line,) = told(caplog)
    assert line.endswith(" to a")
    assert " to b" not in line


async def test_on_a_clock_that_stands_still_nobody_waits(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The control to the first: by the lease alone a killed service passes for a living one. But nothing hangs."""
    async with stations(tmp_path, "a", "z") as (killed, leaving):
        await kill(killed)
        assert await leave(leaving) == 0
        assert await events(leaving) < EVENTS
    assert told(caplog) == ["pumps#0, pumps#1, pumps#2, pumps#3 to a"]
