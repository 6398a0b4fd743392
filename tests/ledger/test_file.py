"""The file: made from nothing, refused when it cannot be used, and never half-written."""

import sqlite3
from pathlib import Path

import pytest

from ledger import (
    DeadLetter,
    LedgerBusy,
    LedgerCorrupt,
    LedgerError,
    LedgerFull,
    LedgerNewer,
    LedgerReadOnly,
    SqliteLedger,
    Transaction,
)
from ledger.errors import translated
from ledger.schema import MIGRATIONS
from tests.ledger.builders import note


def pragma(ledger: SqliteLedger, name: str, value: object = None) -> object:
    """Read or set a pragma of the ledger's own connection, on its own thread."""
    text = f"PRAGMA {name}" if value is None else f"PRAGMA {name} = {value}"
    row = ledger._writes.thread.submit(lambda: ledger._db.execute(text).fetchone()).result()
    return row[0] if row else None


async def test_from_nothing(ledger: SqliteLedger) -> None:
    assert pragma(ledger, "user_version") == len(MIGRATIONS)
    assert await ledger.read(lambda tx: (tx.journal.events(), tx.incidents.all(), tx.leases.all())) == ([], [], [])


async def test_what_was_committed_is_there_after_reopening(path: Path) -> None:
    first = SqliteLedger(path)
    await first.transact("write", lambda tx: tx.journal.append(note(1, text="kept")))
    await first.close()
    await first.close()
    second = SqliteLedger(path)
    (event,) = await second.read(lambda tx: tx.journal.events())
    await second.close()
    assert event.data == {"text": "kept"}


def test_a_newer_ledger_is_refused_and_untouched(path: Path) -> None:
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(LedgerNewer, match=rf"version {len(MIGRATIONS) + 1}, this Forestall knows .*; upgrade"):
        SqliteLedger(path)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    connection.close()


def test_a_migration_that_fails_leaves_no_tables(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = ("CREATE TABLE one (a);\nCREATE TABLE two (", *MIGRATIONS[1:])
    monkeypatch.setattr("ledger.schema.MIGRATIONS", broken)
    with pytest.raises(LedgerError):
        SqliteLedger(path)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    assert connection.execute("PRAGMA user_version").fetchone() == (0,)
    connection.close()


def test_what_is_no_database_is_refused_and_untouched(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("minutes of a meeting, long enough to look like a header of something " * 10)
    before = path.read_bytes()
    with pytest.raises(LedgerCorrupt, match=r"is no ledger or is damaged .*; restore it from a backup"):
        SqliteLedger(path)
    assert path.read_bytes() == before


async def test_damaged_pages_are_told(path: Path) -> None:
    ledger = SqliteLedger(path)
    for number in range(50):
        await ledger.transact("write", lambda tx, number=number: tx.journal.append(note(number, text="x" * 2000)))  # type: ignore[misc]
    await ledger.close()
    damage(path)
    with pytest.raises(LedgerCorrupt):
        await read_all(path)


def damage(path: Path) -> None:
    """Everything behind the first page."""
    body = bytearray(path.read_bytes())
    body[4096:] = b"\xa5" * (len(body) - 4096)
    path.write_bytes(bytes(body))


async def read_all(path: Path) -> None:
    ledger = SqliteLedger(path)
    try:
        await ledger.read(lambda tx: tx.journal.events())
    finally:
        await ledger.close()


def test_a_folder_in_its_place(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(LedgerReadOnly, match="give this user write access"):
        SqliteLedger(path)


def test_a_file_in_the_folders_place(path: Path) -> None:
    path.parent.write_text("")
    with pytest.raises(LedgerReadOnly, match="choose another home"):
        SqliteLedger(path)


async def test_read_only_writes_nothing(ledger: SqliteLedger) -> None:
    pragma(ledger, "query_only", 1)
    with pytest.raises(LedgerReadOnly, match="cannot be written"):
        await ledger.transact("write", lambda tx: tx.journal.append(note(1)))
    pragma(ledger, "query_only", 0)
    assert await ledger.read(lambda tx: tx.journal.events()) == []


async def test_a_full_disk_writes_nothing_and_recovers(ledger: SqliteLedger) -> None:
    pages = pragma(ledger, "page_count")
    pragma(ledger, "max_page_count", pages)

    def work(tx: Transaction) -> None:
        tx.docs.count("attempts", 1)
        tx.journal.append(note(1, text="x" * 100_000))

    with pytest.raises(LedgerFull, match="the disk is full; free some space"):
        await ledger.transact("write", work)
    assert await ledger.read(lambda tx: (tx.docs.counters(), tx.journal.events())) == ({}, [])
    pragma(ledger, "max_page_count", 1_000_000)
    await ledger.transact("write", work)
    assert await ledger.read(lambda tx: tx.docs.counters()) == {"attempts": 1}


async def test_every_commit_is_flushed(path: Path, ledger: SqliteLedger) -> None:
    assert pragma(ledger, "journal_mode") == "wal"
    assert pragma(ledger, "synchronous") == 2
    # The control: a connection that flushes less is noticed.
    careless = sqlite3.connect(path)
    careless.execute("PRAGMA synchronous = NORMAL")
    with pytest.raises(LedgerError, match=r"synchronous=1; need wal and 2 \(FULL\)"):
        ledger._assert_durable(careless)
    careless.close()


async def test_busy_is_passing(path: Path, ledger: SqliteLedger) -> None:
    pragma(ledger, "busy_timeout", 1)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerBusy, match="another process is writing"):
        await ledger.transact("write", lambda tx: tx.journal.append(note(1)))
    assert await ledger.read(lambda tx: tx.journal.events()) == []
    holder.execute("ROLLBACK")
    holder.close()
    assert await ledger.transact("write", lambda tx: tx.journal.append(note(1))) == 1


def test_an_error_of_no_known_kind_names_the_file() -> None:
    found = translated(sqlite3.OperationalError("disk I/O error"), Path("x.db"))
    assert type(found) is LedgerError
    assert str(found) == "x.db: disk I/O error"


async def test_a_ledger_of_version_5_keeps_its_dead_letters_as_not_seen(path: Path) -> None:
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    for script in MIGRATIONS[:5]:
        connection.executescript(script)
    connection.execute("PRAGMA user_version = 5")
    row = (7, "s", "orders", "m1", "schema", "x: missing", 2, b"{}", 10, 1)
    connection.execute("INSERT INTO dead_letters VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    connection.commit()
    connection.close()
    ledger = SqliteLedger(path)
    assert pragma(ledger, "user_version") == len(MIGRATIONS)
    letter = DeadLetter("orders", "m1", "schema", "x: missing", b"{}", 10, 2, number=7)
    assert await ledger.read(lambda tx: tx.inbox.dead_letters()) == [letter]
    assert await ledger.read(lambda tx: tx.inbox.dead_letter_count(unseen=True)) == {"schema": 1}
    assert await ledger.transact("seen", lambda tx: tx.inbox.mark_seen([7, 8], 20)) == 1
    assert await ledger.transact("seen", lambda tx: tx.inbox.mark_seen([7], 30)) == 0
    assert [each.seen_at for each in await ledger.read(lambda tx: tx.inbox.dead_letters())] == [20]
    found = await ledger.read(lambda tx: (tx.inbox.dead_letter_count(), tx.inbox.dead_letter_count(unseen=True)))
    assert found == ({"schema": 1}, {})
    await ledger.close()
