"""Faults under way: waited out, told once. What was wrong from the start is raised, and so is what lasts too long."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from contracts import MINUTE
from ledger import LedgerBusy, LedgerFull
from tests.graphs.plant import START, Plant, runbook
from tests.triggers.station import open_station, reading
from triggers.brokers import AskOperator, Broker, RetryLater, StopConsuming
from triggers.patience import TRIES, Patience

REFUSED = AskOperator("refuses our token")


class Faulty:
    """A real broker that refuses to tell its partitions, while it is to."""

    def __init__(self, broker: Broker) -> None:
        self._broker, self.refuses = broker, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    async def partitions(self, topic: str) -> int:
        if self.refuses:
            raise REFUSED
        return await self._broker.partitions(topic)


@pytest.fixture
def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plant:
    monkeypatch.setattr("triggers.worker.RETRY_WAIT_S", 0)
    made = Plant(tmp_path, book=runbook("move_valve"))
    made.clock.move_to(START + MINUTE)
    return made


async def test_a_service_waits_for_the_person_whom_a_fault_under_way_asks_for(
    plant: Plant, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_station(plant, wrap_broker=Faulty) as station:
        broker: Any = station.broker
        stop = asyncio.Event()
        await station.publish(reading(0))
        serving = asyncio.create_task(station.worker.serve(stop))

        async def until(happened: Callable[[], Awaitable[bool]]) -> None:
            async with asyncio.timeout(30):
                while not await happened():
                    await station.ledger.changed(station.ledger.commits, 0.1)

        async def counted(number: int) -> bool:
            return (await station.counters()).get("events") == number

        async def told() -> bool:
            return REFUSED.args[0] in caplog.text

        await until(lambda: counted(1))
        broker.refuses = True
        plant.clock.move_to(START + 2 * MINUTE)
        await station.publish(reading(1))
        await until(told)
        broker.refuses = False
        await until(lambda: counted(2))
        stop.set()
        await serving
    lines = [each.getMessage() for each in caplog.records if "refuses" in each.getMessage()]
    assert set(lines) == {"refuses our token; it is tried again every 2 s, but a person has to see to it"}
    assert len(lines) <= 2, "who reads and who combines met it, perhaps one after the other"


async def test_what_is_refused_from_the_start_ends_the_service(plant: Plant) -> None:
    async with open_station(plant, wrap_broker=Faulty) as station:
        station.broker.refuses = True  # type: ignore[attr-defined]
        with pytest.raises(ExceptionGroup) as ended:
            await station.worker.serve(asyncio.Event())
        assert ended.group_contains(AskOperator)


async def test_a_run_until_idle_bears_a_busy_ledger(plant: Plant, caplog: pytest.LogCaptureFixture) -> None:
    async with open_station(plant) as station:
        await station.publish(reading(0), reading(1))
        real, left = station.ledger.transact, [TRIES]

        async def busy(label: str, work: Any) -> Any:
            if label == "intake" and left[0]:
                left[0] -= 1
                raise LedgerBusy("held")
            return await real(label, work)

        station.ledger.transact = busy  # type: ignore[method-assign]
        await station.worker.run_until_idle()
        assert (await station.counters())["events"] == 2
        assert [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING] == [
            "held; it is tried again every 2 s, until it passes"
        ]
        await station.publish(reading(2))
        left[0] = TRIES + 1
        with pytest.raises(LedgerBusy):
            await station.worker.run_until_idle()


@pytest.mark.parametrize("lasting", [LedgerFull("full"), StopConsuming("closed"), REFUSED])
def test_what_does_not_pass_is_raised(lasting: Exception) -> None:
    patience = Patience(TRIES)
    patience.well()
    with pytest.raises(type(lasting)):
        patience.bear(lasting)


def test_it_is_told_again_when_it_is_another_fault_or_has_passed(caplog: pytest.LogCaptureFixture) -> None:
    patience = Patience()
    for fault in (RetryLater("a"), RetryLater("a"), LedgerBusy("b"), RetryLater("a")):
        patience.bear(fault)
    patience.well()
    patience.bear(RetryLater("a"))
    assert [each.getMessage()[0] for each in caplog.records] == ["a", "b", "a", "a"]


def test_loops_that_meet_the_same_fault_tell_it_once(caplog: pytest.LogCaptureFixture) -> None:
    told: set[str] = set()
    one, other = Patience(told=told), Patience(told=told)
    one.bear(RetryLater("a"))
    other.bear(RetryLater("a"))
    assert len(caplog.records) == 1
    one.well()
    other.well()
    other.bear(RetryLater("a"))
    assert len(caplog.records) == 2
