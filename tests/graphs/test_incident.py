"""The ways of an incident, from the signal to its end."""

from decimal import Decimal
from pathlib import Path
from typing import Literal

import pytest

from contracts import MINUTE, Episode
from evals.operator import Habits
from governance import answer, close_incident, find_request, revoke_standing, set_mode, settle
from ledger import Transaction, rebuild_views
from tests.graphs.conftest import Start
from tests.graphs.plant import BURST, HIGH, NORMAL, PROMPT, START, Plant, Process, grant, manifest, play, runbook
from tools import RetryLater

OPENING = ["open", "explain", "recall", "plan", "gate"]
ALL_DONE = {"valve": ["open"], "crew": ["repair"], "horn": ["once"]}
NOTHING: dict[str, list[str]] = {"valve": [], "crew": [], "horn": []}


async def reply(process: Process, verdict: str) -> None:
    def give(tx: Transaction) -> None:
        (row,) = tx.people.requests(status="open")
        asked = row.request
        answer(
            tx, find_request(tx, asked.id), verdict,  # type: ignore[arg-type]
            nonce=asked.nonce, plan_digest=asked.plan_digest, person="ada", now=process.plant.clock.now(),
        )  # fmt: skip

    await process.ledger.transact("person:answer", give)
    await process.settle()


async def episodes(process: Process) -> list[Episode]:
    events = await process.ledger.read(lambda tx: tx.journal.events(type_prefix="forestall.episode.recorded"))
    return [Episode.model_validate(event.data) for event in events]


async def request_status(process: Process) -> list[str]:
    return [row.status for row in await process.ledger.read(lambda tx: tx.people.requests())]


async def test_approved_carried_out_and_recovered(plant: Plant, start: Start) -> None:
    plant.operator = PROMPT
    process = start()
    await play(process)
    found = await process.incident()
    assert (found["status"], found["credit"], found["autonomous"]) == ("resolved", "success", False)
    assert plant.effects() == ALL_DONE
    steps = [step for _ in range(3) for step in ("dispatch", "outcome")]
    assert await process.nodes() == [*OPENING, "answered", *steps, "conclude"]
    (episode,) = await episodes(process)
    assert (episode.template, episode.credit, episode.status) == ("relieve@1", "success", "resolved")
    assert await request_status(process) == ["approved"]
    assert await process.ledger.read(lambda tx: (tx.runs.unfinished(), tx.commands.open())) == ([], [])
    told = await process.ledger.read(lambda tx: tx.journal.events(type_prefix="plant.valve"))
    assert [each.data["what"] for each in told] == ["open"]


async def test_views_can_be_rebuilt(plant: Plant, start: Start) -> None:
    plant.operator = PROMPT
    process = start()
    await play(process)
    live = await process.incidents()
    await process.ledger.transact("rebuild", rebuild_views)
    assert await process.incidents() == live


async def test_denied(plant: Plant, start: Start) -> None:
    process = start()
    await play(process, BURST[:5])
    await reply(process, "denied")
    found = await process.incident()
    assert (found["status"], found["reason"]) == ("denied", "denied by ada")
    assert found["could_apply"] == ["call_crew", "move_valve", "sound_horn"]
    assert plant.effects() == NOTHING
    assert (await episodes(process))[0].credit == "none"


async def test_nobody_answers(plant: Plant, start: Start) -> None:
    process = start()
    await play(process, (NORMAL, NORMAL, *[HIGH] * 34))
    found = await process.incident()
    assert (found["status"], found["reason"]) == ("escalated", "nobody answered the request for approval in time")
    assert await request_status(process) == ["expired"]
    assert plant.effects() == NOTHING
    assert found["closed_at"] - found["opened_at"] <= 31 * MINUTE


async def test_recovered_alone_while_a_person_thinks(plant: Plant, start: Start) -> None:
    process = start()
    await play(process)
    found = await process.incident()
    assert (found["status"], found["credit"]) == ("recovered_alone", "none")
    assert await request_status(process) == ["withdrawn"]
    assert plant.effects() == NOTHING


async def test_observe_says_what_it_would_do(start: Start, tmp_path: Path) -> None:
    plant = Plant(tmp_path, manifest(mode="observe"))
    process = start(plant)
    await play(process)
    found = await process.incident()
    assert (found["ruling"], found["status"], found["credit"]) == ("observe", "observed", "none")
    assert [task["tool"] for task in found["plan"]["tasks"]] == ["move_valve", "call_crew", "sound_horn"]
    assert plant.effects() == NOTHING
    assert await request_status(process) == []


async def test_a_person_can_switch_the_mode(plant: Plant, start: Start) -> None:
    process = start()
    await process.ledger.transact(
        "mode", lambda tx: set_mode(tx, "plant", "observe", person="ada", now=plant.clock.now())
    )
    await play(process)
    assert (await process.incident())["status"] == "observed"


async def learn_a_success(process: Process, first: int) -> None:
    """A first incident that a person approved."""
    process.plant.operator = PROMPT
    for place, bar in enumerate(BURST):
        await process.minute(first + place, bar)
    process.plant.operator = Habits(answers_after=10**15, ceiling=None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"value_ceiling": Decimal(99)}, "its ceiling of 99 is below the 100 at stake"),
        ({"expires_at": START + MINUTE}, "expired or revoked"),
        ({"revoked_at": START}, "expired or revoked"),
        ({"template": "relieve@2"}, "no standing approval for relieve@1"),
    ],
)
async def test_alone_under_evidence_and_a_standing_approval(
    start: Start, tmp_path: Path, change: dict[str, object], reason: str | None
) -> None:
    plant = Plant(tmp_path, manifest(may="alone"))
    process = start(plant)
    await grant(process, **change)
    await learn_a_success(process, 0)
    for place, bar in enumerate(BURST):
        await process.minute(60 + place, bar)
    first, second = await process.incidents()
    assert first["autonomous"] is False, "no evidence yet"
    assert second["autonomous"] is (reason is None)
    if reason is None:
        assert (second["status"], second["credit"]) == ("resolved", "success")
        assert plant.effects() == {name: 2 * done for name, done in ALL_DONE.items()}
    else:
        assert any(reason in each for each in second["reasons"])
        assert plant.effects() == ALL_DONE


async def test_a_standing_approval_that_is_revoked_stops_the_next_command(start: Start, tmp_path: Path) -> None:
    plant = Plant(tmp_path, manifest(may="alone"))
    process = start(plant)
    await grant(process)
    await learn_a_success(process, 0)
    plant.crew.faults.append(RetryLater("engaged"))
    for place, bar in enumerate(BURST[:5]):
        await process.minute(60 + place, bar)
    assert plant.effects() == {"valve": ["open", "open"], "crew": ["repair"], "horn": ["once"]}
    now = plant.clock.now()
    await process.ledger.transact("revoke", lambda tx: revoke_standing(tx, "sta-1", person="ada", now=now))
    for minute in range(65, 68):
        await process.minute(minute, HIGH)
    _, second = await process.incidents()
    assert second["status"] == "escalated"
    assert "sta-1 was revoked or has expired" in second["reason"]
    assert plant.effects()["valve"] == ["open", "open", "shut"], "undone although the leave is gone"
    assert plant.effects()["crew"] == ["repair"]


async def test_never(start: Start, tmp_path: Path) -> None:
    plant = Plant(tmp_path, manifest(may="never"))
    process = start(plant)
    await play(process, BURST[:5])
    found = await process.incident()
    assert (found["ruling"], found["status"]) == ("never", "escalated")
    assert "move_valve: the pack's table says never" in found["reason"]
    assert plant.effects() == NOTHING


@pytest.mark.parametrize(
    ("word", "status", "horn", "valve"),
    [("succeeded", "resolved", [], ["open"]), ("failed", "escalated", [], ["open", "shut"])],
)
async def test_an_unknown_outcome_waits_for_a_persons_word(
    plant: Plant, start: Start, word: Literal["succeeded", "failed"], status: str, horn: list[str], valve: list[str]
) -> None:
    plant.operator = PROMPT
    plant.horn.faults.append(TimeoutError("no answer"))
    process = start()
    await play(process, BURST[:8])
    found = await process.incident()
    assert found["status"] == "escalated"
    assert found["reason"] == "nobody can say whether sound_horn happened: TimeoutError: no answer"
    (run,) = await process.ledger.read(lambda tx: tx.runs.unfinished())
    assert run.waiting_for == "a person's word on a command (forestall settle)"
    now = plant.clock.now()
    await process.ledger.transact("settle", lambda tx: settle(tx, found["unsettled"], word, person="ada", now=now))
    await play(process)
    assert (await process.incident())["status"] == status
    assert plant.effects()["horn"] == horn
    assert plant.effects()["valve"] == valve


async def test_acted_but_not_recovered_in_time(plant: Plant, start: Start) -> None:
    plant.operator = PROMPT
    process = start()
    await play(process, (NORMAL, NORMAL, *[HIGH] * 28))
    found = await process.incident()
    assert (found["status"], found["credit"]) == ("escalated", "failure")
    assert found["reason"] == "the plan was carried out, and the measure did not recover in time"
    assert plant.effects() == ALL_DONE, "what was carried out stays"


async def test_what_is_right_again_when_the_answer_comes_is_left_alone(plant: Plant, start: Start) -> None:
    process = start()
    await play(process, BURST[:11])
    await reply(process, "approved")
    assert plant.effects() == NOTHING
    (run,) = await process.ledger.read(lambda tx: tx.runs.unfinished())
    assert run.waiting_for == "the measure, which is within its band again"
    for minute in range(11, 16):
        await process.minute(minute, NORMAL)
    found = await process.incident()
    assert (found["status"], found["credit"]) == ("recovered_alone", "none")


async def test_standing_by_ends_when_it_is_wrong_again(plant: Plant, start: Start) -> None:
    process = start()
    await play(process, BURST[:11])
    await reply(process, "approved")
    for minute in range(11, 16):
        await process.minute(minute, HIGH)
    assert plant.effects() == ALL_DONE


async def test_a_person_closes_it(plant: Plant, start: Start) -> None:
    process = start()
    await play(process, BURST[:6])
    found, now = await process.incident(), plant.clock.now()

    def close(tx: Transaction) -> str:
        return close_incident(tx, found["id"], person="ada", now=now, note="mended by hand")

    assert await process.ledger.transact("close", close) == "asked"
    await process.settle()
    found = await process.incident()
    assert (found["status"], found["reason"]) == ("closed_by_person", "closed by ada: mended by hand")
    assert await request_status(process) == ["withdrawn"]


async def test_an_unknown_situation_goes_to_a_person(start: Start, tmp_path: Path) -> None:
    book = runbook().model_copy(update={"applies": runbook().applies.model_copy(update={"measure": "other"})})
    plant = Plant(tmp_path, book=book)
    process = start(plant)
    await play(process, BURST[:5])
    found = await process.incident()
    assert (found["status"], found["reason"]) == ("escalated", "no runbook fits, and no model is configured")


async def test_the_batch_decides_nothing(tmp_path: Path, start: Start) -> None:
    """The same readings read one by one, three by three, or all at once."""
    digests = set()
    for size in (1, 3, 100):
        (home := tmp_path / str(size)).mkdir()
        plant = Plant(home)
        process = start(plant)
        plant.clock.move_to(START + 60 * MINUTE)
        for minute, bar in enumerate(BURST):
            plant.publish(minute, bar)
        await process.settle(size)
        digests.add(await process.digest())
        assert len(await process.incidents()) == 1
    assert len(digests) == 1
