"""One command: its attempts, its doubts, the safety catch, and what an interrupted call did."""

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from contracts import MINUTE, SECOND
from evals.faults import Crash, CrashingLedger
from governance import freeze, thaw
from graphs import execution
from graphs.execution import BACKOFF_MICROS, ERROR_MAX_CHARACTERS, MAX_ATTEMPTS, RETRYABLE
from ledger import CommandRow
from tests.graphs.conftest import Start
from tests.graphs.plant import BURST, HIGH, PROMPT, Plant, Process, play, runbook
from tools import AskPerson, NothingDone, RefuseCommand, RetryLater

ASKED, CALLED = 4, 6
"""The minutes at which approval is asked for and, by a prompt operator, given: at once the tools are called."""


def one(plant: Plant, tool: str) -> Plant:
    """A plan of one tool only."""
    plant.book, plant.operator = runbook(tool, undo=False), PROMPT
    return plant


async def command(process: Process) -> CommandRow:
    found = await process.incident()
    (row,) = await process.ledger.read(lambda tx: tx.commands.of_incident(found["id"]))
    return row


async def later(process: Process, micros: int) -> None:
    """Nothing but time passes."""
    process.plant.clock.move_to(process.plant.clock.now() + micros)
    await process.drain()


async def crash_after(plant: Plant, label: str, story: tuple[float, ...] = tuple(BURST[:7])) -> None:
    """A process that dies right after its first commit with this label: between a claim and what it is for."""
    ledgers: list[CrashingLedger] = []

    class Dying(CrashingLedger):
        async def transact(self, name: str, work: Callable[..., Any]) -> Any:
            if name == label and not self.crashed:
                self._at = len(self.labels) + 1
            return await super().transact(name, work)

    def wrap(ledger: Any) -> Any:
        ledgers.append(Dying(ledger, 0, "after"))
        return ledgers[0]

    process = plant.open(wrap)
    with pytest.raises(Crash):
        await play(process, story)
    assert ledgers[0].labels[-1] == label
    await process.close()


async def test_a_tool_that_is_busy_is_called_again_later(plant: Plant, start: Start) -> None:
    one(plant, "call_crew").crew.faults = [RetryLater("engaged"), RetryLater("engaged")]
    process = start()
    await play(process, BURST[:7])
    assert (await command(process)).attempts == 1
    await later(process, BACKOFF_MICROS - 1)
    assert (await command(process)).attempts == 1
    await later(process, 1)
    assert ((await command(process)).attempts, plant.crew.done) == (2, [])
    await later(process, 2 * BACKOFF_MICROS - 1)
    assert (await command(process)).attempts == 2
    await later(process, 1)
    assert ((await command(process)).attempts, len(plant.crew.done)) == (3, 1)


async def test_attempts_are_counted_across_restarts(plant: Plant) -> None:
    one(plant, "call_crew").crew.faults = [RetryLater("engaged")] * 10
    for _ in range(MAX_ATTEMPTS + 2):
        process = plant.open()
        await play(process, BURST[:7])
        await later(process, 10 * MINUTE)
        found = await process.incident()
        await process.close()
    assert (found["status"], found["reason"]) == ("escalated", "call_crew failed: engaged (3 attempts)")
    assert len(plant.crew.faults) == 10 - MAX_ATTEMPTS


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [
        (NothingDone("no crew"), "done", "call_crew failed: no crew"),
        (RefuseCommand("above its ceiling"), "done", "call_crew refused: above its ceiling"),
        (AskPerson("the line broke"), "done", "nobody can say whether call_crew happened: the line broke"),
    ],
)
async def test_what_a_tool_says_is_believed(
    plant: Plant, start: Start, fault: Exception, status: str, reason: str
) -> None:
    one(plant, "call_crew").crew.faults = [fault]
    process = start()
    await play(process, BURST[:7])
    assert (await command(process)).status == status
    assert (await process.incident())["reason"] == reason
    assert plant.crew.done == []


@pytest.mark.parametrize("tool", ["move_valve", "call_crew"])
async def test_a_call_that_broke_off_after_its_effect_is_not_made_twice(plant: Plant, start: Start, tool: str) -> None:
    """The sink acted, the answer was lost: a timeout says nothing about the effect."""
    sink = {"move_valve": one(plant, tool).valve, "call_crew": plant.crew}[tool]
    real, calls = sink.apply, []

    def lossy(command_id: str, what: str) -> dict[str, Any]:
        calls.append(what)
        answer = real(command_id, what)
        if len(calls) == 1:
            raise TimeoutError
        return answer

    sink.apply = lossy  # type: ignore[method-assign]
    process = start()
    await play(process, BURST[:7])
    assert (await command(process)).status == "doubtful"
    await later(process, BACKOFF_MICROS)
    row = await command(process)
    assert row.outcome is not None
    assert row.outcome.status == "succeeded"
    assert len(sink.done) == 1


async def test_doubt_outlives_a_sink_that_cannot_be_asked(plant: Plant, start: Start) -> None:
    """A crash, then the sink is away twice: what nobody could say must not end as `failed`."""
    one(plant, "move_valve")
    await crash_after(plant, "command:claim")
    plant.valve.apply("someone else", "open")
    plant.valve.faults = [RetryLater("away")] * 3
    process = start()
    await play(process, BURST[:7])
    await later(process, 10 * MINUTE)
    row = await command(process)
    assert row.outcome is not None
    assert (row.outcome.status, row.attempts) == ("unknown", 3)


async def test_frozen_in_mid_flight_and_thawed(plant: Plant, start: Start) -> None:
    plant.operator = PROMPT
    process = start()
    await play(process, BURST[:5])
    await process.ledger.transact("freeze", lambda tx: freeze(tx, person="ada", reason="fire", now=plant.clock.now()))
    for minute in (5, 6, 7):
        await process.minute(minute, HIGH)
    assert plant.effects() == {"valve": [], "crew": [], "horn": []}
    assert len(await process.ledger.read(lambda tx: tx.commands.open())) == 1
    await process.ledger.transact("thaw", lambda tx: thaw(tx, person="ada", now=plant.clock.now()))
    await process.minute(8, HIGH)
    assert plant.effects() == {"valve": ["open"], "crew": ["repair"], "horn": ["once"]}


async def test_frozen_between_the_claim_and_the_call(plant: Plant, start: Start) -> None:
    one(plant, "call_crew")
    process = start()
    freezing = _FreezeAfterClaim(process)
    await play(process, BURST[:7])
    assert freezing.done
    row = await command(process)
    assert (row.status, row.attempts, plant.crew.done) == ("ready", 0, [])
    await process.ledger.transact("thaw", lambda tx: thaw(tx, person="ada", now=plant.clock.now()))
    await process.drain()
    assert len(plant.crew.done) == 1


class _FreezeAfterClaim:
    """A person who freezes right after a command was claimed."""

    def __init__(self, process: Process) -> None:
        self.done, self._process, self._real = False, process, process.ledger.transact
        process.ledger.transact = self.transact  # type: ignore[method-assign]

    async def transact(self, label: str, work: Callable[..., Any]) -> Any:
        answer = await self._real(label, work)
        if label == "command:claim" and not self.done:
            self.done, now = True, self._process.plant.clock.now()
            await self._real("freeze", lambda tx: freeze(tx, person="ada", reason="fire", now=now))
        return answer


async def test_frozen_after_a_crash_the_doubt_is_kept(plant: Plant, start: Start) -> None:
    """The crew was sent, the process died, all was frozen and thawed: the crew is not sent again."""
    one(plant, "call_crew")
    await crash_after(plant, "command:record")  # undisturbed, so that we know the command's id
    (sent, job), row = plant.crew.done[0], None
    plant.crew.done.clear()
    other = one(Plant(plant.home / "again"), "call_crew")
    await crash_after(other, "command:claim")
    other.crew.apply(sent, job)
    process = start(other)
    freezing = _FreezeAfterClaim(process)
    await play(process, BURST[:7])
    assert freezing.done
    row = await command(process)
    assert (row.command.id, row.status) == (sent, "doubtful")
    await process.ledger.transact("thaw", lambda tx: thaw(tx, person="ada", now=other.clock.now()))
    await process.drain()
    row = await command(process)
    assert row.outcome is not None
    assert (row.outcome.status, len(other.crew.done)) == ("succeeded", 1)


@pytest.mark.parametrize(
    ("tool", "happened", "expected"),
    [
        ("call_crew", True, "succeeded"),
        ("call_crew", False, "refused"),
        ("move_valve", True, "unknown"),
        ("move_valve", False, "unknown"),
        ("sound_horn", True, "unknown"),
    ],
)
async def test_leave_that_is_gone_after_a_crash_hides_no_effect(
    plant: Plant, start: Start, tool: str, happened: bool, expected: str
) -> None:
    """Interrupted with leave, taken up again without: not `refused`, unless the sink says that nothing was done."""
    one(plant, tool)
    await crash_after(plant, "command:claim")
    process = start()
    row = await command(process)
    if happened:
        {"call_crew": plant.crew, "move_valve": plant.valve, "sound_horn": plant.horn}[tool].apply(row.command.id, "x")
    before = plant.effects()
    plant.clock.move_to(row.command.deadline + 1)
    await process.drain()
    row = await command(process)
    assert row.outcome is not None
    assert row.outcome.status == expected
    assert plant.effects() == before


async def test_a_crash_in_an_opaque_call_is_a_persons(plant: Plant, start: Start) -> None:
    one(plant, "sound_horn")
    await crash_after(plant, "command:claim")
    process = start()
    await play(process)
    found = await process.incident()
    assert found["reason"].startswith("nobody can say whether sound_horn happened: an earlier call was interrupted")
    assert plant.horn.done == []


async def _horn_that_fails_when_it_has_sounded(plant: Plant, start: Start, effect: str) -> Process:
    """`effect` is what the tool says of itself, past every check of its declaration."""
    real = one(plant, "sound_horn").horn.apply

    def fails(command_id: str, what: str) -> dict[str, Any]:
        real(command_id, what)
        raise TypeError("object dict can't be used in 'await' expression")

    plant.horn.apply = fails  # type: ignore[method-assign]
    process = start()
    process.pack.catalogue.get("sound_horn").effect = effect  # type: ignore[assignment]
    await play(process, BURST[:7])
    for _ in range(MAX_ATTEMPTS):
        await later(process, 10 * MINUTE)
    return process


@pytest.mark.parametrize("effect", ["opaque", "opaqe", "Keyed", ""])
async def test_what_is_not_declared_retryable_is_not_tried_again(plant: Plant, start: Start, effect: str) -> None:
    process = await _horn_that_fails_when_it_has_sounded(plant, start, effect)
    row = await command(process)
    assert row.outcome is not None
    assert (row.effect, row.outcome.status, row.attempts, len(plant.horn.done)) == (effect, "unknown", 1, 1)


async def test_control_a_word_that_counts_as_retryable_has_its_effect_again(
    plant: Plant, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "RETRYABLE", RETRYABLE | {"opaqe"})
    await _horn_that_fails_when_it_has_sounded(plant, start, "opaqe")
    assert len(plant.horn.done) == MAX_ATTEMPTS


async def test_a_crash_in_a_call_of_an_unknown_effect_is_a_persons(plant: Plant, start: Start) -> None:
    one(plant, "sound_horn")
    await crash_after(plant, "command:claim")
    with sqlite3.connect(plant.home / "ledger.db") as ledger:
        ledger.execute("UPDATE commands SET effect = 'opaqe'")
    ledger.close()
    process = start()
    await play(process)
    row = await command(process)
    assert row.outcome is not None
    assert (row.effect, row.outcome.status, plant.horn.done) == ("opaqe", "unknown", [])


@pytest.mark.parametrize("result", [["a", "list"], {"at": object()}, {"x": float("nan")}, {"x": "y" * 70_000}, None])
async def test_a_result_that_cannot_be_kept_fails_nothing(plant: Plant, start: Start, result: object) -> None:
    sink = one(plant, "call_crew").crew

    def odd(command_id: str, what: str) -> object:
        sink.done.append((command_id, what))
        return result

    sink.apply = odd  # type: ignore[method-assign, assignment]
    process = start()
    await play(process)
    found, row = await process.incident(), await command(process)
    assert found["status"] == "resolved"
    assert row.outcome is not None
    assert set(row.outcome.result) == ({"not_kept"} if result is not None else set())
    assert len(sink.done) == 1


async def test_a_very_long_error_blocks_nobody(plant: Plant, start: Start) -> None:
    one(plant, "call_crew").crew.faults = [NothingDone("x" * 2_000_000)]
    process = start()
    await play(process, BURST[:7])
    row = await command(process)
    assert row.outcome is not None
    assert len(row.outcome.error or "") == ERROR_MAX_CHARACTERS


async def test_two_executors_on_one_command(plant: Plant, start: Start) -> None:
    """The second finds it held; when it takes over, the first one's outcome is refused."""
    one(plant, "call_crew").crew.faults = [RetryLater("engaged")]
    first = start()
    await play(first, BURST[:7])
    second = start(owner="other")
    await later(first, BACKOFF_MICROS)
    assert await second.executor.step() is False
    assert len(plant.crew.done) == 1


def test_the_back_off_is_the_documented_one() -> None:
    assert (BACKOFF_MICROS, MAX_ATTEMPTS) == (30 * SECOND, 3)
