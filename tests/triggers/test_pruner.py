"""Pruning: what later happens is the same, and the ledger stays small."""

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import HOUR, MINUTE, decision_digest
from contracts.decision import Decision
from graphs import PartitionMonitor
from ledger import Retention, SqliteLedger, Transaction
from tests.graphs.plant import HIGH, NORMAL, PROMPT, START, Plant
from tests.ledger.builders import note
from tests.triggers.station import Station, open_station, reading
from triggers.pruner import EVERY, Pruner

AT_ONCE = Retention(inbox_us=5 * MINUTE, outbox_us=0, dead_letters_us=0, incidents_us=0, journal_us=0, slice_rows=7)
NEVER = Retention(*[10**9 * HOUR] * 4, 10**9, 10**9 * HOUR, 10**9 * HOUR)  # type: ignore[arg-type]


class Play:
    """A story told minute by minute, each reading twice, something that cannot be read among them."""

    def __init__(self, folder: Path, retention: Retention) -> None:
        self.plant = Plant(folder)
        self.plant.operator = PROMPT
        self.retention = retention
        self.decisions: list[Decision] = []
        self.rows: dict[str, int] = {}
        self._read = 0

    async def tell(self, story: list[float]) -> "Play":
        async with open_station(self.plant) as station:
            for minute, bar in enumerate(story):
                self.plant.clock.move_to(START + minute * MINUTE)
                again = [reading(minute - 2, story[minute - 2])] if minute > 1 else []
                await station.publish(reading(minute, bar), *again, b"no json")
                await station.settle()
                await self._note(station)
                self.plant.clock.move_to(self.plant.clock.now() + 1)
                pruner = Pruner(station.services, self.retention)
                while await pruner.step():
                    pass
            self.counters = await station.counters()
            self.rows = await station.ledger.read(sizes)
            self.incidents = await station.process.incidents()
        return self

    async def _note(self, station: Station) -> None:
        """The decisions, before they may go."""
        new = await station.ledger.read(lambda tx: tx.journal.numbered(after=self._read))
        kind = "forestall.decision.made"
        self.decisions += [Decision.model_validate(event.data) for _, event in new if event.type == kind]
        self._read = max((seq for seq, _ in new), default=self._read)

    @property
    def digest(self) -> str:
        return decision_digest(self.decisions)


def sizes(tx: Transaction) -> dict[str, int]:
    tables = ("journal", "outbox", "mailbox", "incidents", "commands", "approvals", "memos", "blobs", "dead_letters",
              "inbox_batches", "blob_refs", "runs", "checkpoints")  # fmt: skip
    return {name: tx.journal._db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}


def told(story: list[float], retention: Retention) -> Play:
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        return asyncio.run(Play(Path(folder), retention).tell(story))


PARTS = st.sampled_from([[HIGH] * 3, [HIGH] * 6, [NORMAL] * 4, [NORMAL] * 12, [HIGH, NORMAL]])


@settings(max_examples=4, deadline=None)
@given(parts=st.lists(PARTS, min_size=3, max_size=6))
def test_pruning_changes_nothing_that_later_happens(parts: list[list[float]]) -> None:
    story = [NORMAL] * 3 + [bar for part in parts for bar in part]
    kept, pruned = told(story, NEVER), told(story, AT_ONCE)
    assert pruned.digest == kept.digest
    assert pruned.plant.effects() == kept.plant.effects()
    assert {**pruned.counters, "pruner": 0} == {**kept.counters, "pruner": 0}
    open_ones = {doc["id"]: doc for doc in kept.incidents if doc["status"] == "open"}
    assert {doc["id"]: doc for doc in pruned.incidents if doc["status"] == "open"} == open_ones


def test_a_horizon_that_is_too_short_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: what is forgotten before it is repeated counts twice, by whoever looks at the ledger."""
    monkeypatch.setattr(PartitionMonitor, "followed", lambda *_: None)
    story = [NORMAL] * 8
    kept, pruned = told(story, NEVER), told(story, replace(AT_ONCE, inbox_us=0))
    assert (kept.counters["events"], pruned.counters["events"]) == (8, 14)


async def fresh_after_pruning(folder: Path) -> list[int]:
    """The same three readings again and again, forgotten by the ledger in between: how many of them count each time."""
    plant, counted = Plant(folder), []
    async with open_station(plant) as station:
        for hour in range(4):
            plant.clock.move_to(START + hour * HOUR)
            await station.publish(reading(60 * hour), *(reading(minute) for minute in (0.1, 0.2, 0.3)))
            before = (await station.counters()).get("events", 0)
            await station.take(10)
            counted.append((await station.counters())["events"] - before)
            await station.ledger.transact("prune", lambda tx: tx.inbox.forget(plant.clock.now() + 1, 100))
    return counted


async def test_what_the_ledger_forgot_is_not_known_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It forgets all but the last batch. The control never notices."""
    found = await fresh_after_pruning(tmp_path / "one")
    assert sum(found[1:]) > 3, found
    monkeypatch.setattr("ledger.inbox.Inbox.first_number", lambda *_: 1)
    assert await fresh_after_pruning(tmp_path / "control") == [4, 1, 1, 1]


WAVE = [NORMAL] * 3 + [HIGH] * 6 + [NORMAL] * 20


def test_the_ledger_stays_small() -> None:
    once, thrice, kept = told(WAVE, AT_ONCE), told(WAVE * 3, AT_ONCE), told(WAVE * 3, NEVER)
    assert len({each.incident_id for each in thrice.decisions}) == 3
    grown = {name: rows for name, rows in thrice.rows.items() if rows > once.rows[name]}
    assert grown.keys() <= {"journal", "runs"}, "episodes, and rows of runs until no event of their time can come"
    assert grown["journal"] - once.rows["journal"] <= 8
    assert sum(thrice.rows.values()) < sum(kept.rows.values()) / 4
    assert thrice.digest == kept.digest


def test_what_is_kept() -> None:
    """While an incident is open, all of it is; afterwards what memory is built from."""
    open_one = told([NORMAL] * 3 + [HIGH] * 4, AT_ONCE)
    whole = told([NORMAL] * 3 + [HIGH] * 4, NEVER)
    for name in ("journal", "mailbox", "commands", "approvals", "memos", "blobs", "checkpoints"):
        assert open_one.rows[name] == whole.rows[name], name
    closed = told(WAVE, AT_ONCE)
    assert closed.rows["journal"] >= 1, "its episode"
    assert closed.rows["incidents"] == closed.rows["mailbox"] == closed.rows["blobs"] == closed.rows["blob_refs"] == 0


async def prune(ledger: SqliteLedger, now: int, retention: Retention) -> dict[str, int]:
    gone: dict[str, int] = {}
    more = True
    while more:
        found = await ledger.transact("prune", lambda tx: tx.pruning.prune(now, retention))
        gone = {name: gone.get(name, 0) + rows for name, rows in found.rows.items()} | {
            name: rows for name, rows in gone.items() if name not in found.rows
        }
        more = found.more
    return gone


@pytest.fixture
async def ledger(tmp_path: Path) -> Any:
    opened = SqliteLedger(tmp_path / "ledger.db")
    yield opened
    await opened.close()


async def test_an_age_is_by_our_clock_not_by_the_events(ledger: SqliteLedger) -> None:
    """Events of 1970, written now."""
    retention = Retention(journal_us=100, incidents_us=100)
    for number in range(3):
        await ledger.transact("write", lambda tx, n=number: tx.journal.append(note(n)))  # type: ignore[misc]
    assert await prune(ledger, 10_000, retention) == {}
    assert await prune(ledger, 10_099, retention) == {}
    await ledger.transact("write", lambda tx: tx.journal.append(note(9)))
    assert await prune(ledger, 10_100, retention) == {"journal": 3}
    assert await prune(ledger, 10_199, retention) == {}
    assert [event.time for event in await ledger.read(lambda tx: tx.journal.events())] == [9]


async def test_what_was_not_sent_stays(ledger: SqliteLedger) -> None:
    retention = Retention(journal_us=0, incidents_us=0, outbox_us=10)
    await ledger.transact("write", lambda tx: tx.journal.append(note(1), ["topic:x"]))
    assert await prune(ledger, 1_000, retention) == {}
    assert await prune(ledger, 2_000, retention) == {}
    rows = await ledger.read(lambda tx: tx.journal.unsent("topic:", 10))
    await ledger.transact("sent", lambda tx: tx.journal.mark_sent(rows, 2_000))
    assert await prune(ledger, 2_010, retention) == {}
    assert await prune(ledger, 2_011, retention) == {"journal": 1, "outbox": 1}


async def test_dead_letters_beyond_the_cap_are_counted(ledger: SqliteLedger) -> None:
    from ledger import DeadLetter

    letters = [DeadLetter("t", str(n), "malformed", "no json", b"x", n, 1) for n in range(20)]
    await ledger.transact("bury", lambda tx: tx.inbox.bury("s", letters))
    told = await ledger.read(lambda tx: tx.inbox.unpublished(4))
    await ledger.transact("published", lambda tx: tx.inbox.mark_published(told))
    gone = await prune(ledger, 100, Retention(dead_letters_us=96, dead_letters_max_rows=9, slice_rows=3))
    assert gone == {"dead_letters": 11}
    left = await ledger.read(lambda tx: [letter.message_id for letter in tx.inbox.dead_letters()])
    assert left == [str(n) for n in range(19, 10, -1)]
    assert (await ledger.read(lambda tx: tx.docs.counters())) == {"dead_letters_dropped": 7}


async def test_a_retention_is_sensible() -> None:
    with pytest.raises(ValueError, match="slice_rows: 0 is too small"):
        Retention(slice_rows=0)


async def test_one_process_prunes_at_a_time(tmp_path: Path) -> None:
    plant = Plant(tmp_path)
    async with open_station(plant) as first, open_station(plant, owner="other") as second:
        one, two = Pruner(first.services, AT_ONCE), Pruner(second.services, AT_ONCE)
        assert (await one.step(), await two.step(), await one.step()) == (False, False, False)
        leases = await first.ledger.read(lambda tx: tx.leases.all())
        assert [(lease.owner, lease.epoch) for lease in leases if lease.name == "pruner"] == [("worker", 1)]
        plant.clock.move_to(plant.clock.now() + EVERY)
        assert await two.step() is False
        leases = await first.ledger.read(lambda tx: tx.leases.all())
        assert [(lease.owner, lease.epoch) for lease in leases if lease.name == "pruner"] == [("other", 2)]
