"""The reflex lane: an event becomes a command in the transaction that takes it, once, and only where it may."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from contracts import HOUR, MINUTE, AutonomyRule, Reflex, TopicTool, decode_event
from contracts.pack import Autonomy
from governance import freeze, grant_reflex, revoke_standing
from ledger import Transaction
from tests.graphs.plant import START, Plant, Process, manifest
from tests.triggers.station import Station, open_station, reading

Plants = Callable[..., Plant]


@pytest.fixture
def plants(tmp_path: Path) -> Plants:
    """A plant whose pump is stopped by a command on a topic, or by a tool of ours, when it reads 99."""

    def make(tool: str = "stop_pump", mode: str = "act", **changes: Any) -> Plant:
        arguments = {"pump": "$pump"} if tool == "stop_pump" else {"to": "$pump"}
        rule = {"name": "stop", "of": ["pump.read"], "where": [{"field": "bar", "equals": 99.0}], "tool": tool}
        reflex = Reflex.model_validate(rule | {"arguments": arguments} | changes)
        schema = {"type": "object", "required": ["pump"], "properties": {"pump": {"type": "string"}}}
        pack = manifest(
            mode,
            reflexes=(reflex,),
            topic_tools=(TopicTool(name="stop_pump", topic="pump.commands", title="Stop", arguments=schema),),
        )
        rules = (AutonomyRule(tool=tool, may="alone"),)
        return Plant(tmp_path / "plant", pack.model_copy(update={"autonomy": Autonomy(rules=rules)}))

    return make


async def allow(process: Process, lasting: int = HOUR) -> str:
    """A person's leave for the reflex."""

    def give(tx: Transaction) -> str:
        until = process.plant.clock.now() + lasting
        now = process.plant.clock.now()
        pack = process.plant.pack
        leave = grant_reflex(
            tx,
            "plant",
            pack.reflex_template(pack.reflexes[0]),
            value_ceiling=Decimal(0),
            expires_at=until,
            person="ada",
            now=now,
        )
        return leave.id

    return await process.ledger.transact("test:leave", give)


async def commands(station: Station) -> list[dict[str, Any]]:
    found = [decode_event(each.payload).data for each in await station.received("pump.commands")]
    return [each["arguments"] for each in found]


async def counted(station: Station) -> dict[str, int]:
    found = await station.ledger.read(lambda tx: tx.docs.counters())
    return {name.removeprefix("reflex:plant:stop:"): n for name, n in found.items() if name.startswith("reflex:plant")}


async def test_an_event_becomes_a_command_on_its_topic_with_its_decision(plants: Plants) -> None:
    async with open_station(plants()) as station:
        await allow(station.process)
        await station.publish(reading(0, 99.0), reading(0.5, 4.0, "p2"))
        await station.settle()
        assert await commands(station) == [{"pump": "p1"}]
        (decided,) = [each for each in await station.process.decisions() if each.graph == "reflex"]
        assert decided.semantic["ruling"] == "act"
        assert decided.semantic["authority"].startswith("standing:sta-")
        assert "p1-0" in decided.summary
        assert await station.process.incidents() == []


async def test_a_tool_of_ours_is_called_by_the_executor_under_the_same_leave(plants: Plants) -> None:
    plant = plants("move_valve")
    async with open_station(plant) as station:
        await allow(station.process)
        await station.publish(reading(0, 99.0))
        await station.settle()
        assert plant.effects()["valve"] == ["p1"]


@pytest.mark.parametrize("partitions", [1, 4])
@pytest.mark.parametrize("workers", [1, 3])
async def test_the_same_arguments_are_acted_on_once_in_a_window(plants: Plants, partitions: int, workers: int) -> None:
    async with open_station(plants(within="1h"), partitions=partitions, workers=workers) as station:
        await allow(station.process, 2 * HOUR)
        for minute in (1, 2, 3, 11):
            station.plant.clock.move_to(START + minute * MINUTE)
            await station.publish(reading(minute, 99.0), reading(minute, 99.0), reading(minute, 99.0, "p2"))
            await station.settle()
        window = [{"pump": "p1"}, {"pump": "p2"}]
        assert sorted(await commands(station), key=str) == sorted(2 * window, key=str)
        assert (await counted(station))["repeated"] == 4


@pytest.mark.parametrize("crash_before", [True, False])
async def test_a_crash_around_the_commit_neither_loses_nor_doubles(plants: Plants, crash_before: bool) -> None:
    """The control is the id: with a random one the second delivery would act again."""
    plant = plants()
    async with open_station(plant) as station:
        await allow(station.process)
        await station.publish(reading(0, 99.0))
        if not crash_before:
            await station.intake.step(10)  # committed; its acknowledgement may be lost with the process
    async with open_station(plant) as station:
        await station.publish(reading(0, 99.0))
        await station.settle()
        assert await commands(station) == [{"pump": "p1"}]


async def test_in_observe_it_says_what_it_would_do_and_does_nothing(plants: Plants) -> None:
    async with open_station(plants(mode="observe")) as station:
        await allow(station.process)
        await station.publish(reading(0, 99.0))
        await station.settle()
        assert await commands(station) == []
        (decided,) = [each for each in await station.process.decisions() if each.graph == "reflex"]
        assert (decided.semantic["ruling"], "would do" in decided.summary) == ("observe", True)


@pytest.mark.parametrize("how", ["never", "revoked", "frozen", "late"])
async def test_without_leave_nothing_is_done_and_it_is_said(plants: Plants, how: str) -> None:
    async with open_station(plants()) as station:
        if how != "never":
            leave = await allow(station.process)
        now = station.plant.clock.now()
        if how == "revoked":
            await station.ledger.transact("test", lambda tx: revoke_standing(tx, leave, person="ada", now=now))
        if how == "frozen":
            await station.ledger.transact("test", lambda tx: freeze(tx, person="ada", reason="drill", now=now))
        if how == "late":
            station.plant.clock.move_to(START + 10 * MINUTE)
        await station.publish(reading(0, 99.0))
        await station.settle()
        assert await commands(station) == []
        assert await counted(station) == {"stale": 1} if how == "late" else (await counted(station))["refused"] == 1


async def test_what_the_tool_does_not_take_is_named_and_nothing_is_done(plants: Plants) -> None:
    async with open_station(plants()) as station:
        await allow(station.process)
        await station.publish(reading(0, 99.0, pump=7))  # type: ignore[arg-type]
        await station.settle()
        assert await commands(station) == []
        (decided,) = [each for each in await station.process.decisions() if each.graph == "reflex"]
        assert decided.semantic["ruling"] == "refused"
        assert "must be string" in decided.summary


async def test_an_hour_has_its_bound(plants: Plants) -> None:
    async with open_station(plants(at_most=3)) as station:
        await allow(station.process)
        await station.publish(*[reading(0, 99.0, f"p{number}") for number in range(5)])
        await station.settle()
        assert len(await commands(station)) == 3
        refused = [each for each in await station.process.decisions() if each.semantic.get("ruling") == "refused"]
        assert len(refused) == 2
        assert all("at_most" in each.summary for each in refused)


async def test_what_was_refused_does_not_keep_what_is_allowed_from_being_done(plants: Plants) -> None:
    """In the same window, with the same arguments; of the refused ones the first is told, the others are counted."""
    async with open_station(plants(within="1h")) as station:
        for minute in (0, 1, 2, 3):
            station.plant.clock.move_to(START + minute * MINUTE)
            if minute == 2:
                await allow(station.process)
            await station.publish(reading(minute, 99.0))
            await station.settle()
        assert await commands(station) == [{"pump": "p1"}]
        found = {name: number for name, number in (await counted(station)).items() if ":" not in name}
        assert found == {"refused": 1, "repeated": 2, "act": 1}
