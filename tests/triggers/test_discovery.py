"""Partitions that are added while a service runs: found before a pane is closed, and waited for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from contracts import MINUTE
from tests.graphs.plant import START, Plant, runbook
from tests.triggers.station import Station, open_station, reading
from triggers import Intake
from triggers.brokers import Broker, Outgoing
from triggers.intake import DISCOVER_EVERY


class Growing:
    """A real broker whose topic has one partition until it grows; its others are there, and nobody knows of them."""

    def __init__(self, broker: Broker) -> None:
        self._broker, self.grown, self.asked = broker, False, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    async def partitions(self, topic: str) -> int:
        self.asked += 1
        return await self._broker.partitions(topic) if self.grown else 1


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    made = Plant(tmp_path, book=runbook("move_valve"))
    made.clock.move_to(START + MINUTE)
    return made


async def _key_of(broker: Broker, number: int) -> str:
    """A key whose messages go to that partition."""
    for key in map(str, range(100)):
        await broker.publish("keys", [Outgoing(b"", key)])
        reader = await broker.history("keys", number)
        found = await reader.read(100)
        await reader.close()
        if any(each.key == key for each in found):
            return key
    raise AssertionError(number)


async def _live(station: Station, minutes: Sequence[float], key: str) -> None:
    await station.broker.publish("pumps", [Outgoing(reading(minute, pump=f"p{key}"), key) for minute in minutes])


async def _story(plant: Plant) -> dict[str, int]:
    """Partition 1 comes, with an event of the first minute, when partition 0 has passed that minute's end."""
    growing: list[Growing] = []

    def wrap(broker: Broker) -> Any:
        growing.append(Growing(broker))
        return growing[0]

    async with open_station(plant, partitions=2, wrap_broker=wrap) as station:
        await station.broker.create_topic("keys", 2)
        keys = [await _key_of(station.broker, number) for number in range(2)]
        await _live(station, [0, 0.5], keys[0])
        assert await station.intake.step(10, live=True)
        assert not await station.intake.combine(live=True)
        plant.clock.move_to(START + MINUTE + DISCOVER_EVERY // 2)
        await _live(station, [0.6], keys[1])
        growing[0].grown = True
        await _live(station, [1.1], keys[0])
        assert await station.intake.step(10, live=True)
        while await station.intake.combine(live=True):
            pass
        asked = growing[0].asked
        assert not await station.intake.combine(live=True)
        assert growing[0].asked == asked, "nothing is to be closed, so nobody asks"
        plant.clock.move_to(START + MINUTE + DISCOVER_EVERY)
        while await station.intake.step(10, live=True):
            pass
        await _live(station, [2.1], keys[0])
        await _live(station, [2.1], keys[1])
        while await station.intake.step(10, live=True) or await station.intake.combine(live=True):
            pass
        return await station.counters()


async def test_what_a_new_partition_holds_is_not_late(plant: Plant) -> None:
    found = await _story(plant)
    assert (found["events"], found.get("late", 0)) == (6, 0)


async def test_the_control_who_looks_now_and_then_only_comes_too_late(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nobody_looks(_: Intake) -> None:
        return

    monkeypatch.setattr(Intake, "_discover_all", nobody_looks)
    assert (await _story(plant))["late"] == 1
