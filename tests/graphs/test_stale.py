"""A stream that lies behind the clock, and one that falls silent: nothing is done too late, nothing waits for ever."""

from contracts import DAY, HOUR, MINUTE
from tests.graphs.conftest import Start
from tests.graphs.plant import BURST, HIGH, PROMPT, START, Plant, play
from tests.graphs.test_incident import NOTHING, learn_a_success, request_status

SILENT = 20 * MINUTE + 6 * HOUR
"""The recovery's time, and as much as a stream may lie behind."""


async def test_what_is_long_over_is_not_acted_upon(plant: Plant, start: Start) -> None:
    process = start()
    plant.operator = PROMPT
    await learn_a_success(process, 0)
    done = plant.effects()
    plant.clock.move_to(START + 17 * DAY)
    for place, bar in enumerate(BURST):
        plant.publish(600 + place, bar)
    await process.settle()
    found = (await process.incidents())[-1]
    assert found["status"] == "escalated"
    assert "16 days behind the clock" in found["reason"]
    assert plant.effects() == done
    assert await request_status(process) == ["approved"]


async def test_a_burst_within_the_lag_is_asked_about(plant: Plant, start: Start) -> None:
    """The control: a backlog of a few hours is worked off as if it were now."""
    process = start()
    plant.operator = PROMPT
    await learn_a_success(process, 0)
    for place, bar in enumerate((*BURST[:2], *[HIGH] * 6)):
        plant.publish(600 + place, bar)
    plant.clock.move_to(START + 600 * MINUTE + 2 * HOUR)
    await process.settle()
    assert (await process.incidents())[-1]["ruling"] == "ask"
    assert await request_status(process) == ["approved", "open"]


async def test_a_stream_that_falls_silent_after_the_plan_acted_ends_with_a_person(plant: Plant, start: Start) -> None:
    plant.operator = PROMPT
    process = start()
    await play(process, (*BURST[:2], *[HIGH] * 8))
    assert plant.effects() != NOTHING
    assert [run.waiting_for for run in await process.ledger.read(lambda tx: tx.runs.unfinished())] == [
        "the measure to recover"
    ]
    plant.clock.move_to(plant.clock.now() + SILENT + MINUTE)
    await process.settle()
    found = await process.incident()
    assert (found["status"], found["credit"]) == ("escalated", "none")
    assert "fell silent" in found["reason"]
