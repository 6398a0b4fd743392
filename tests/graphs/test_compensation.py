"""A plan that fails on its way: what succeeded is undone, in reverse, whatever has run out meanwhile."""

from pathlib import Path

from contracts import MINUTE
from governance import freeze, thaw
from tests.graphs.conftest import Start
from tests.graphs.plant import BURST, PROMPT, START, Plant, grant, manifest, play
from tools import NothingDone, RetryLater


async def test_a_failing_task_is_compensated_in_reverse(plant: Plant, start: Start) -> None:
    plant.operator = PROMPT
    plant.horn.faults.append(NothingDone("the horn is gone"))
    process = start()
    await play(process)
    found = await process.incident()
    assert (found["status"], found["credit"]) == ("escalated", "none")
    assert found["reason"] == "sound_horn failed: the horn is gone"
    assert plant.effects() == {"valve": ["open", "shut"], "crew": ["repair", "return"], "horn": []}
    events = await process.ledger.read(lambda tx: tx.journal.events(type_prefix="forestall.command.issued"))
    commands = {event.data["ordinal"]: event.data for event in events}
    assert list(commands) == ["1", "2", "3", "2c", "1c"]
    assert [commands[each]["compensates"] for each in commands] == [
        None,
        None,
        None,
        commands["2"]["id"],
        commands["1"]["id"],
    ]


async def test_what_did_not_happen_is_not_undone(plant: Plant, start: Start) -> None:
    plant.operator = PROMPT
    plant.crew.faults.append(NothingDone("on strike"))
    process = start()
    await play(process)
    assert plant.effects() == {"valve": ["open", "shut"], "crew": [], "horn": []}
    assert (await process.incident())["reason"] == "call_crew failed: on strike"


async def test_a_compensation_that_fails_is_told_and_the_others_go_on(plant: Plant, start: Start) -> None:
    plant.operator = PROMPT
    process = start()

    def strike(command_id: str, what: str) -> dict[str, object]:  # noqa: ARG001
        plant.crew.faults = [NothingDone("on strike")]
        raise NothingDone("the horn is gone")

    plant.horn.apply = strike  # type: ignore[method-assign]

    await play(process)
    found = await process.incident()
    assert found["reason"] == "sound_horn failed: the horn is gone; could not undo: call_crew"
    assert plant.effects() == {"valve": ["open", "shut"], "crew": ["repair"], "horn": []}


async def test_a_plan_whose_deadline_passes_is_still_undone(plant: Plant, start: Start) -> None:
    plant.operator = PROMPT
    plant.crew.faults = [RetryLater("engaged")]
    process = start()
    await play(process, BURST[:7])
    assert plant.effects()["valve"] == ["open"]
    (row,) = await process.ledger.read(lambda tx: tx.commands.open())
    await process.ledger.transact("freeze", lambda tx: freeze(tx, person="ada", reason="night", now=plant.clock.now()))
    plant.clock.move_to(row.command.deadline + MINUTE)
    await process.drain()
    await process.ledger.transact("thaw", lambda tx: thaw(tx, person="ada", now=plant.clock.now()))
    await process.drain()
    assert "its deadline has passed" in (await process.incident())["reason"]
    assert plant.effects()["valve"] == ["open", "shut"]


async def test_a_compensation_survives_an_expired_standing_approval(start: Start, tmp_path: Path) -> None:
    plant = Plant(tmp_path, manifest(may="alone"))
    process = start(plant)
    await grant(process, expires_at=START + 66 * MINUTE)
    plant.operator = PROMPT
    for place, bar in enumerate(BURST):
        await process.minute(place, bar)
    plant.horn.faults = [RetryLater("no air")]
    for place, bar in enumerate(BURST[:5]):
        await process.minute(60 + place, bar)
    plant.clock.move_to(plant.clock.now() + 3 * MINUTE)
    await process.drain()
    _, second = await process.incidents()
    assert "sta-1 was revoked or has expired" in second["reason"]
    assert plant.effects() == {
        "valve": ["open", "open", "shut"],
        "crew": ["repair", "repair", "return"],
        "horn": ["once"],
    }
