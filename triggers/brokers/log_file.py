"""The file of the embedded broker: how it is opened, what is in it, and what its faults mean."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from triggers.brokers.errors import AskOperator, BrokerError, RetryLater

APPLICATION_ID = 0x464F5245
FORMAT = 2

_SCHEMA = """
CREATE TABLE topic (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE partition (
    id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL, number INTEGER NOT NULL,
    first_position INTEGER NOT NULL DEFAULT 0, next_position INTEGER NOT NULL DEFAULT 0, UNIQUE (topic_id, number));
CREATE TABLE segment (
    id INTEGER PRIMARY KEY, count INTEGER NOT NULL, publish_time INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE subscription (
    id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL, name TEXT NOT NULL, UNIQUE (topic_id, name));
CREATE TABLE cursor (
    id INTEGER PRIMARY KEY, subscription_id INTEGER NOT NULL, partition_id INTEGER NOT NULL,
    low INTEGER NOT NULL, frontier INTEGER NOT NULL, owner INTEGER, UNIQUE (subscription_id, partition_id));
CREATE TABLE span (
    cursor_id INTEGER NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL, state INTEGER NOT NULL,
    redeliveries INTEGER NOT NULL, PRIMARY KEY (cursor_id, start)) WITHOUT ROWID;
CREATE INDEX span_free ON span (cursor_id, start) WHERE state = 0;
CREATE INDEX span_held ON span (state) WHERE state > 0;
CREATE TABLE holder (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE);
CREATE TABLE consumer (
    id INTEGER PRIMARY KEY AUTOINCREMENT, holder_id INTEGER NOT NULL, subscription_id INTEGER NOT NULL,
    number INTEGER, sharing TEXT NOT NULL DEFAULT 'shared');
"""
_FROM_1 = """
ALTER TABLE cursor ADD COLUMN owner INTEGER;
ALTER TABLE consumer ADD COLUMN number INTEGER;
ALTER TABLE consumer ADD COLUMN sharing TEXT NOT NULL DEFAULT 'shared';
"""


def open_log(path: Path, *, busy_timeout_s: float) -> sqlite3.Connection:
    """A connection in WAL mode with `synchronous=FULL`, which is asserted. Creates file and tables if need be.

    Raises:
        AskOperator: the file is not ours, newer than this version, or cannot be used.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=busy_timeout_s)
    try:
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    _check_format(connection, path)
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    connection.execute("PRAGMA synchronous = FULL")
    level = connection.execute("PRAGMA synchronous").fetchone()[0]
    if mode != "wal" or level != 2:
        raise AskOperator(
            f"{path}: journal mode {mode!r}, synchronous {level}; the log needs WAL and FULL (2): "
            "put the file on a local disk that supports shared memory"
        )
    with writing(connection):
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found < FORMAT:
            for statement in filter(str.strip, (_FROM_1 if found else _SCHEMA).split(";")):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {FORMAT}")


def _check_format(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("BEGIN")  # one snapshot: another process may be making the file right now
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    connection.execute("ROLLBACK")
    if not empty and owner != APPLICATION_ID:
        raise AskOperator(f"{path}: an SQLite file, but not an event log of Forestall; choose another file")
    if found > FORMAT:
        raise AskOperator(f"{path}: format {found}, this version reads up to {FORMAT}; upgrade Forestall")


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """One write transaction; rolled back on any error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


_ADVICE = {
    sqlite3.SQLITE_FULL: "the disk is full; free space, then repeat",
    sqlite3.SQLITE_READONLY: "the file or its folder is read-only; make both writable for this user",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened; check that its folder exists and is writable",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; move it aside or restore a copy",
    sqlite3.SQLITE_NOTADB: "not an SQLite file; move it aside or choose another file",
    sqlite3.SQLITE_IOERR: "the disk reports an error; check it, then restart",
    sqlite3.SQLITE_PERM: "access is denied; make the file readable and writable for this user",
}


def explain(path: Path, error: sqlite3.Error | OSError) -> BrokerError:
    """One line: which file, what is wrong, what to do. Nothing was done when this is raised."""
    if isinstance(error, OSError):
        return AskOperator(f"{path}: {error.strerror}; make the folder writable for this user")
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # without the extension bits
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return RetryLater(f"{path}: another process is writing; try again")
    return AskOperator(f"{path}: {_ADVICE.get(code, 'the log cannot be used; move it aside')} ({error})")
