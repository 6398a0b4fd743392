"""The inbox: what was seen is known, in every process, after every restart, until it is forgotten."""

import asyncio
import sqlite3
import tempfile
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ledger import (
    Added,
    InboxIndex,
    InboxMoved,
    SqliteLedger,
    Transaction,
    content_digest,
    former_digest,
    former_identity,
    name_identity,
    name_prefix,
)
from ledger.inbox_index import FAN_IN, LOOSE_RUNS
from ledger.schema import MIGRATIONS

Answer = TypeVar("Answer")
NAMES = [name_identity(name_prefix("t", "/a"), str(number)) for number in range(40)]
CONTENTS = [content_digest(bytes([number])) for number in range(3)]


def remembered(tx: Transaction, *subscriptions: str) -> int:
    """Identities: their numbers have no gaps."""
    return sum(tx.inbox.last_number(name) - tx.inbox.first_number(name) + 1 for name in subscriptions)


async def take(ledger: SqliteLedger, index: InboxIndex, names: list[bytes], at: int = 0) -> int:
    """As the monitor does it: look up, then write what is new; returns how much that was."""
    seen = await ledger.read(index.refresh)
    known = seen.known(names)
    fresh = [name for place, name in enumerate(names) if place not in known]
    await ledger.transact("take", lambda tx: tx.inbox.add_batch(seen, fresh, CONTENTS[:1] * len(fresh), at))
    return len(fresh)


class Processes(RuleBasedStateMachine):
    """Two processes on one ledger beside a list of batches. What is known is exactly what the ledger holds."""

    max_identities = 25

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
        self.loop = asyncio.new_event_loop()
        self.path = Path(self.folder.name) / "ledger.db"
        self.ledgers = [SqliteLedger(self.path), SqliteLedger(self.path)]
        self.indexes = [self.new_index() for _ in self.ledgers]
        self.onlookers = [self.new_index() for _ in self.ledgers]
        self.batches: list[tuple[int, int, dict[bytes, bytes]]] = []
        self.upto = self.now = 0

    def new_index(self) -> InboxIndex:
        return InboxIndex("s", max_identities=self.max_identities)

    def do(self, work: Awaitable[Answer]) -> Answer:
        return self.loop.run_until_complete(work)

    @property
    def model(self) -> dict[bytes, bytes]:
        return {name: content for _, _, batch in self.batches for name, content in batch.items()}

    @rule(
        who=st.sampled_from([0, 1]),
        names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=12, unique=True),
        content=st.sampled_from(CONTENTS),
        fails=st.booleans(),
        between=st.lists(st.sampled_from(NAMES), max_size=3, unique=True),
        looks=st.booleans(),
    )
    def taken(
        self, who: int, names: list[bytes], content: bytes, fails: bool, between: list[bytes], looks: bool
    ) -> None:
        """With a look at the ledger, or by what this process took since its last one."""
        index, ledger = self.indexes[who], self.ledgers[who]
        seen = self.do(ledger.read(index.refresh)) if looks else index.follow()
        known = seen.known(names)
        if looks:
            assert known == {place: self.model[name] for place, name in enumerate(names) if name in self.model}
        fresh = [name for place, name in enumerate(names) if place not in known]
        self.meanwhile(1 - who, between)
        unseen = {name for upto, _, batch in self.batches if upto > seen.upto for name in batch}
        rows: list[Added | None] = []

        def work(tx: Transaction) -> None:
            rows.append(tx.inbox.add_batch(seen, fresh, [content] * len(fresh), self.now))
            if fails:
                raise KeyError("rolled back")

        if unseen & set(fresh):
            with pytest.raises(InboxMoved):
                self.do(ledger.transact("take", work))
        elif fails:
            with pytest.raises(KeyError):
                self.do(ledger.transact("take", work))
        else:
            self.do(ledger.transact("take", work))
            self.added(fresh, content)
            if rows[0] is not None:
                index.own(rows[0])

    def meanwhile(self, who: int, names: list[bytes]) -> list[bytes]:
        """The other process takes something between our look and our commit."""
        fresh = [name for name in names if name not in self.model]
        if names:
            assert self.do(take(self.ledgers[who], self.indexes[who], names, self.now)) == len(fresh)
            self.added(fresh, CONTENTS[0])
        return fresh

    def added(self, names: list[bytes], content: bytes) -> None:
        if not names:
            return
        self.upto += len(names)
        self.batches.append((self.upto, self.now, dict.fromkeys(names, content)))
        until = self.upto - max(self.max_identities, len(names))
        self.batches = [batch for batch in self.batches if batch[0] > until]

    @rule(later=st.integers(1, 5))
    def time_passes(self, later: int) -> None:
        self.now += later

    @rule(who=st.sampled_from([0, 1]))
    def restarts(self, who: int) -> None:
        self.do(self.ledgers[who].close())
        self.ledgers[who] = SqliteLedger(self.path)
        self.indexes[who] = self.new_index()

    @precondition(lambda self: self.batches)
    @rule(who=st.sampled_from([0, 1]), age=st.integers(0, 8), rows=st.integers(1, 4))
    def pruned(self, who: int, age: int, rows: int) -> None:
        before = self.now - age
        old = [batch for batch in self.batches[:-1] if batch[1] < before][:rows]
        gone = self.do(self.ledgers[who].transact("prune", lambda tx: tx.inbox.forget(before, rows)))
        assert gone == len(old)
        self.batches = self.batches[len(old) :]

    @invariant()
    def everybody_knows_the_same(self) -> None:
        for ledger, index in zip(self.ledgers, self.onlookers, strict=True):
            found = self.do(ledger.read(index.refresh)).known(NAMES)
            assert {NAMES[place]: content for place, content in found.items()} == self.model
            assert len(index) <= 2 * self.max_identities + 24

    def teardown(self) -> None:
        for ledger in self.ledgers:
            self.do(ledger.close())
        self.loop.close()
        self.folder.cleanup()


TestProcesses = Processes.TestCase
TestProcesses.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)


async def test_without_a_look_at_the_commit_another_process_doubles_it(
    ledger: SqliteLedger, other: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = await ledger.read(InboxIndex("s").refresh), InboxIndex("s")
    assert one.known(NAMES[:3]) == {}
    assert await take(other, two, NAMES[2:5]) == 3
    with pytest.raises(InboxMoved, match="were taken elsewhere meanwhile"):
        await ledger.transact("take", lambda tx: tx.inbox.add_batch(one, NAMES[:3], CONTENTS[:1] * 3, 0))
    assert await take(ledger, InboxIndex("s"), NAMES[:3]) == 2
    assert await ledger.read(lambda tx: remembered(tx, "s")) == 5

    # The control: switched off, the same play counts one of them twice.
    three = await ledger.read(InboxIndex("t").refresh)
    assert await take(other, InboxIndex("t"), NAMES[2:5]) == 3
    monkeypatch.setattr("ledger.inbox.Inbox._assert_new", lambda *_: None)
    await ledger.transact("take", lambda tx: tx.inbox.add_batch(three, NAMES[:3], CONTENTS[:1] * 3, 0))
    assert await ledger.read(lambda tx: remembered(tx, "s", "t")) == 5 + 6


async def test_partitions_that_share_an_index_do_not_share_a_look(ledger: SqliteLedger) -> None:
    """The one looks; the other looks too and takes some of the same events; now the one must not write them."""
    index = InboxIndex("s")
    one = await ledger.read(index.refresh)
    assert await take(ledger, index, NAMES[2:5]) == 3
    await ledger.read(index.refresh)
    with pytest.raises(InboxMoved):
        await ledger.transact("take", lambda tx: tx.inbox.add_batch(one, NAMES[:3], CONTENTS[:1] * 3, 0))
    assert await take(ledger, index, NAMES[:3]) == 2


async def test_what_a_process_took_it_knows_without_a_look(ledger: SqliteLedger) -> None:
    index = InboxIndex("s")
    for first in range(0, 40, 4):
        names = NAMES[first : first + 4]
        seen = index.follow()
        assert sorted(seen.known(NAMES)) == list(range(first))
        row = await ledger.transact("take", lambda tx, s=seen, n=names: tx.inbox.add_batch(s, n, CONTENTS[:1] * 4, 0))  # type: ignore[misc]
        assert row is not None
        assert sorted(index.follow().known(NAMES)) == list(range(first)), "the control: not told of it"
        index.own(row)


async def test_what_was_followed_is_put_in_order_by_a_look(ledger: SqliteLedger) -> None:
    index = InboxIndex("s")
    for place in range(LOOSE_RUNS):
        assert not index.crowded
        seen, name = index.follow(), NAMES[place : place + 1]
        added = await ledger.transact("take", lambda tx, s=seen, n=name: tx.inbox.add_batch(s, n, CONTENTS[:1], 0))  # type: ignore[misc]
        assert added is not None
        index.own(added)
        assert sorted(index.follow().known(NAMES)) == list(range(place + 1))
    assert index.crowded
    assert len(index.seen.runs) == LOOSE_RUNS
    seen = await ledger.read(index.refresh)
    assert not index.crowded
    assert len(seen.runs) < FAN_IN
    assert sorted(seen.known(NAMES)) == list(range(LOOSE_RUNS))


async def test_a_batch_of_its_own_is_not_read_again(ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    index = InboxIndex("s")
    seen = await ledger.read(index.refresh)
    row = await ledger.transact("take", lambda tx: tx.inbox.add_batch(seen, NAMES[:3], CONTENTS[:1] * 3, 0))
    assert row is not None
    index.own(row)
    monkeypatch.setattr("ledger.inbox.Inbox.batches_after", lambda *_: [])
    assert len((await ledger.read(index.refresh)).known(NAMES)) == 3
    assert len((await ledger.read(InboxIndex("s").refresh)).known(NAMES)) == 0, "the control reads it"


async def test_subscriptions_are_apart(ledger: SqliteLedger) -> None:
    assert await take(ledger, InboxIndex("s"), NAMES[:2]) == 2
    assert await take(ledger, InboxIndex("t"), NAMES[:2]) == 2
    assert await take(ledger, InboxIndex("s"), NAMES[:2]) == 0


async def test_a_name_twice_in_a_batch_is_refused(ledger: SqliteLedger) -> None:
    seen = await ledger.read(InboxIndex("s").refresh)
    with pytest.raises(ValueError, match="in the batch twice"):
        await ledger.transact("take", lambda tx: tx.inbox.add_batch(seen, NAMES[:1] * 2, CONTENTS[:2], 0))
    assert await ledger.read(lambda tx: remembered(tx, "s")) == 0


async def test_an_index_holds_something() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        InboxIndex("s", max_identities=0)


async def test_fingerprints_that_meet_are_told_apart(ledger: SqliteLedger) -> None:
    """The same first 64 bits; only the other 64 tell them apart."""
    names = [b"\x07" * 8 + bytes([number]) * 8 for number in range(20)]
    index = InboxIndex("s")
    assert await take(ledger, index, names[::2]) == 10
    assert sorted((await ledger.read(index.refresh)).known(names)) == list(range(0, 20, 2))


async def test_memory_stays_bounded(ledger: SqliteLedger) -> None:
    index = InboxIndex("s", max_identities=1_000)
    for batch in range(100):
        names = [name_identity("p", f"{batch}-{number}") for number in range(100)]
        assert await take(ledger, index, names) == 100
        assert len(index) <= 2_100
        assert index.memory_bytes <= 40 * len(index) + 1_024
    assert await ledger.read(lambda tx: remembered(tx, "s")) <= 1_100


def test_names_do_not_run_into_each_other() -> None:
    names = [("t", "/a", "b"), ("t", "/ab", ""), ("t/", "a", "b"), ("", "t/a", "b"), ("t", "/", "ab"), ("t", "/a", "c")]
    assert len({name_identity(name_prefix(tenant, source), id) for tenant, source, id in names}) == len(names)
    assert name_identity(name_prefix("t", "/a"), "b") == name_identity(name_prefix("t", "/a"), "b")


def home_of_version_1(path: Path) -> None:
    """Three events as the last version wrote them."""
    path.parent.mkdir(parents=True)
    connection = sqlite3.connect(path)
    connection.executescript(MIGRATIONS[0])
    connection.execute("PRAGMA user_version = 1")
    for number in range(3):
        row = ("s", former_identity("t", "/a", str(number)), former_digest(b"%d" % number), 10 + number)
        connection.execute("INSERT INTO inbox VALUES (?, ?, ?, ?)", row)
    connection.commit()
    connection.close()


async def test_a_home_of_the_last_version_still_knows_its_events(path: Path) -> None:
    home_of_version_1(path)
    ledger, index = SqliteLedger(path), InboxIndex("s")
    contents = [b"0", b"changed", b"2", b"3"]
    now = [content_digest(content) for content in contents]

    def former(place: int) -> tuple[bytes, bytes, bytes]:
        return former_identity("t", "/a", str(place)), former_digest(contents[place]), now[place]

    known = (await ledger.read(index.refresh)).known(NAMES[:4], former)
    assert [known.get(place) == now[place] for place in range(4)] == [True, False, True, False]
    assert sorted(known) == [0, 1, 2], "1 is known with other content, 3 is new"
    assert len((await ledger.read(lambda tx: tx.inbox.former("s")))[0]) == 3 * 16

    assert await ledger.transact("prune", lambda tx: tx.inbox.forget(12, 100)) == 2
    assert await ledger.transact("prune", lambda tx: tx.inbox.forget(20, 100)) == 1
    assert (await ledger.read(index.refresh)).known(NAMES[:4], former) == {}
    assert len(index) == 0
    await ledger.close()
