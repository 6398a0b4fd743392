"""A crash at every commit point, one by one: the story ends as if nothing had happened.

Sampling is not needed: after a crash everything is built anew over the same file, so a commit point is all that a
process can die at as far as the ledger can tell; what lies between two of them is a sink's business.
"""

from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pytest

from contracts import MINUTE
from evals.faults import CountingLedger, Crash, CrashingLedger, ForgetfulClaims
from evals.operator import Habits
from ledger import Ledger
from tests.graphs.plant import HIGH, NORMAL, Plant, Process, play, runbook
from tools import NothingDone

STORY = (NORMAL, HIGH, HIGH, HIGH, NORMAL, NORMAL, NORMAL, NORMAL)
PROMPT = Habits(answers_after=MINUTE, ceiling=None)
TOOLS = ("move_valve", "call_crew")
EXPECTED = {"valve": ["open"], "crew": ["repair"], "horn": []}
UNDONE = {"valve": ["open", "shut"], "crew": ["repair", "return"], "horn": []}


def new_plant(home: Path, tools: tuple[str, ...] = TOOLS) -> Plant:
    home.mkdir()
    plant = Plant(home, book=runbook(*tools))
    plant.operator = PROMPT
    if "sound_horn" in tools:
        plant.horn.apply = _gone  # type: ignore[method-assign]
    return plant


def _gone(command_id: str, what: str) -> dict[str, object]:  # noqa: ARG001
    raise NothingDone("gone")


async def undisturbed(plant: Plant) -> tuple[list[str], str]:
    """The labels of all commit points, and the digest of all decisions."""
    process = plant.open(CountingLedger)
    await play(process, STORY)
    assert isinstance(process.ledger, CountingLedger)
    labels, digest = list(process.ledger.labels), await process.digest()
    await process.close()
    return labels, digest


async def crashed(plant: Plant, at: int, when: Literal["before", "after"]) -> Process:
    """The story with one crash, ended by a second process."""
    process = plant.open(lambda ledger: CrashingLedger(ledger, at, when))
    with pytest.raises(Crash):
        await play(process, STORY)
    await process.close()
    process = plant.open()
    await play(process, STORY)
    return process


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_crash_at_every_commit_point(tmp_path: Path, when: Literal["before", "after"]) -> None:
    labels, digest = await undisturbed(new_plant(tmp_path / "undisturbed"))
    kinds = {label.split(":")[0] for label in labels}
    assert kinds >= {"intake", "run", "memo", "command", "person", "lease"}, "the story passes every kind of commit"
    wrong = []
    for at, label in enumerate(labels, 1):
        plant = new_plant(tmp_path / str(at))
        process = await crashed(plant, at, when)
        if (plant.effects(), await process.digest()) != (EXPECTED, digest):
            wrong.append((at, label, plant.effects()))
        await process.close()
    assert wrong == []


async def test_a_crash_at_every_commit_point_of_a_compensation(tmp_path: Path) -> None:
    plant = new_plant(tmp_path / "undisturbed", (*TOOLS, "sound_horn"))
    labels, digest = await undisturbed(plant)
    assert plant.effects() == UNDONE
    failed = [at for at, label in enumerate(labels, 1) if label == "command:record"][2]
    ended = labels.index("run:end:compensating") + 1
    assert ended - failed == 10, "two compensations, five commits each"
    for at in range(failed, ended + 1):
        plant = new_plant(tmp_path / str(at), (*TOOLS, "sound_horn"))
        process = await crashed(plant, at, "after")
        assert (plant.effects(), await process.digest()) == (UNDONE, digest), (at, labels[at - 1])
        assert (await process.incident())["status"] == "escalated"
        await process.close()


async def test_the_control_without_claims_doubles(tmp_path: Path) -> None:
    """Claims that do not tell of an interruption: the effect happened, its record was lost, and it happens again."""
    labels, _ = await undisturbed(new_plant(tmp_path / "undisturbed"))
    doubled = 0
    records = [at for at, label in enumerate(labels, 1) if label == "command:record"]
    for at in records:
        plant = new_plant(tmp_path / str(at))
        process = plant.open(lambda ledger, at=at: CrashingLedger(ledger, at, "before"))  # type: ignore[misc]
        with pytest.raises(Crash):
            await play(process, STORY)
        await process.close()
        process = plant.open(ForgetfulClaims)
        await play(process, STORY)
        await process.close()
        doubled += plant.effects() == {"valve": ["open"], "crew": ["repair", "repair"], "horn": []}
    assert (len(records), doubled) == (2, 1), "the keyed sink absorbs it, the reconcilable one does not"


async def test_a_crash_at_every_step_of_the_way_still_gets_there(tmp_path: Path) -> None:
    """Crashes more often than recovery takes: every process dies after its tenth commit."""
    plant, lives = new_plant(tmp_path / "plant"), 0
    _, digest = await undisturbed(new_plant(tmp_path / "undisturbed"))
    while True:
        lives += 1
        process = plant.open(lambda ledger: CrashingLedger(ledger, 10, "after"))
        try:
            await play(process, STORY)
        except Crash:
            await process.close()
            continue
        break
    assert lives >= 4
    assert (plant.effects(), await process.digest()) == (EXPECTED, digest)
    await process.close()


async def test_a_dead_process_changes_nothing(tmp_path: Path) -> None:
    """Of the wrapper itself: after its crash it neither reads nor writes."""
    plant = new_plant(tmp_path / "plant")
    process = plant.open(lambda ledger: CrashingLedger(ledger, 1, "before"))
    ledger: Ledger = process.ledger
    for _ in range(2):
        with pytest.raises(Crash):
            await ledger.transact("write", lambda tx: tx.docs.count("x", 1))
    with pytest.raises(Crash):
        await ledger.read(lambda tx: tx.docs.counters())
    await process.close()
    process = plant.open()
    assert await process.ledger.read(lambda tx: tx.docs.counters()) == {}
    await process.close()


class Asked(list[Decimal]):
    """A price list that counts the look-ups."""

    times = 0

    def __getitem__(self, place: Any) -> Any:
        self.times += 1
        return super().__getitem__(place)


async def test_what_was_answered_before_a_crash_is_not_asked_again(tmp_path: Path) -> None:
    """A quote is kept at once: the segment that runs again reads the same, though the price has changed."""
    labels, digest = await undisturbed(new_plant(tmp_path / "undisturbed"))
    plant = new_plant(tmp_path / "plant")
    at = labels.index("run:wait:approving") + 1
    process = plant.open(lambda ledger: CrashingLedger(ledger, at, "before"))
    with pytest.raises(Crash):
        await play(process, STORY)
    await process.close()
    plant.price = asked = Asked([Decimal(999)])
    process = plant.open()
    await play(process, STORY)
    assert asked.times == 0
    assert (await process.incident())["value_at_stake"] == "100"
    assert await process.digest() == digest
    await process.close()
