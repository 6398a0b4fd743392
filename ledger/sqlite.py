"""The ledger on SQLite: one file, one writer and one reader thread, WAL with `synchronous=FULL`."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from ledger.commands import Commands
from ledger.errors import LedgerError, LedgerReadOnly, translated
from ledger.group_commit import GroupCommit, Snapshots
from ledger.inbox import Inbox
from ledger.incidents import Incidents
from ledger.journal import Journal
from ledger.lane import Job, Lane
from ledger.leases import Leases
from ledger.panes import Panes
from ledger.people import People
from ledger.pruning import Pruning
from ledger.runs import Runs
from ledger.schema import migrate
from ledger.state import Documents

Answer = TypeVar("Answer")

BUSY_TIMEOUT_MS = 10_000
FOREIGN_COMMIT_INTERVAL_S = 0.1


class Transaction:
    """The ledger's tables within one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.inbox = Inbox(connection)
        self.journal = Journal(connection)
        self.runs = Runs(connection)
        self.incidents = Incidents(connection)
        self.commands = Commands(connection)
        self.people = People(connection)
        self.docs = Documents(connection)
        self.panes = Panes(connection)
        self.pruning = Pruning(connection)
        self.leases = Leases(connection)


class Ledger(Protocol):
    """The durable record. All that is written in one `transact` is there together, or not at all."""

    async def transact(self, label: str, work: Callable[[Transaction], Answer]) -> Answer:
        """Run `work` as one unit, all or nothing; `label` names the commit point.

        Units may share a flush, so `work` may see what a neighbour has written and not yet flushed; nobody is told
        anything before both are durable. What `work` keeps outside the ledger must wait for the answer.

        Raises:
            LedgerError: see `ledger.errors`; nothing was written.
        """
        ...

    async def read(self, work: Callable[[Transaction], Answer]) -> Answer:
        """Run `work`, which only reads, on one snapshot.

        Raises:
            LedgerError: it tried to write, or see `ledger.errors`.
        """
        ...

    @property
    def commits(self) -> int:
        """A number that grows with every commit that this process made or noticed."""
        ...

    async def changed(self, since: int, timeout_s: float) -> bool:
        """Wait until `commits` is beyond `since`, whoever committed; False after `timeout_s`.

        Raises:
            LedgerError: see `ledger.errors`.
        """
        ...

    async def close(self) -> None: ...


class SqliteLedger:
    """One file. Several processes may use it: writers wait for each other, leases and epochs keep them apart.

    Writes and reads have a connection and a thread each, so that a read never waits for a flush. Transactions that
    queue up while one is being flushed share the next flush, each in a savepoint of its own (`ledger.group_commit`).
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file and migrate it.

        Raises:
            LedgerError: see `ledger.errors`.
        """
        self.path = path
        self._commits = 0
        self._next_commit = asyncio.Event()
        self._closed = False
        self._writes, self._reads = Lane("ledger", self._write), Lane("ledger-reads", self._read)
        try:
            self._db = self._writes.thread.submit(self._open).result()
            self._group = GroupCommit(self._db, Transaction(self._db), path)
            self._foreign = self._writes.thread.submit(self._data_version).result()
            self._readable = self._reads.thread.submit(self._open_to_read).result()
            self._snapshots = Snapshots(self._readable, Transaction(self._readable), path)
        except BaseException:
            self._writes.thread.shutdown()
            self._reads.thread.shutdown()
            raise

    def _open(self) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LedgerReadOnly(
                f"{self.path.parent}: cannot be made ({error.strerror}); choose another home"
            ) from error
        return self._connected(self._prepare)

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        self._assert_durable(connection)
        migrate(connection, self.path)

    def _open_to_read(self) -> sqlite3.Connection:
        return self._connected(lambda connection: connection.execute("PRAGMA query_only = ON"))

    def _connected(self, prepare: Callable[[sqlite3.Connection], object]) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(self.path, isolation_level=None, timeout=BUSY_TIMEOUT_MS / 1000)
            try:
                prepare(connection)
            except BaseException:
                connection.close()
                raise
        except sqlite3.Error as error:
            raise translated(error, self.path) from error
        return connection

    def _assert_durable(self, connection: sqlite3.Connection) -> None:
        journal = connection.execute("PRAGMA journal_mode").fetchone()[0]
        level = connection.execute("PRAGMA synchronous").fetchone()[0]
        if (journal, level) != ("wal", 2):
            raise LedgerError(f"{self.path}: journal_mode={journal}, synchronous={level}; need wal and 2 (FULL)")

    async def transact(self, label: str, work: Callable[[Transaction], Answer]) -> Answer:  # noqa: ARG002
        """See `Ledger.transact`."""
        try:
            answer: Answer = await self._writes.do(work)
        except asyncio.CancelledError:
            self._wake()  # it may have been committed all the same
            raise
        self._wake()
        return answer

    def _write(self, jobs: list[Job]) -> list[Job]:
        return self._group.run(jobs)

    def _wake(self) -> None:
        self._commits += 1
        self._next_commit.set()
        self._next_commit = asyncio.Event()

    async def read(self, work: Callable[[Transaction], Answer]) -> Answer:
        """See `Ledger.read`."""
        answer: Answer = await self._reads.do(work)
        return answer

    def _read(self, jobs: list[Job]) -> list[Job]:
        return self._snapshots.run(jobs)

    @property
    def commits(self) -> int:
        """See `Ledger.commits`."""
        return self._commits

    async def changed(self, since: int, timeout_s: float) -> bool:
        """See `Ledger.changed`. Other processes' commits are seen through `PRAGMA data_version`, every 100 ms."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while self._commits <= since:
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                return False
            try:
                # Not `wait_for`: in Python 3.11 it swallows a cancellation that meets the result.
                async with asyncio.timeout(min(left, FOREIGN_COMMIT_INTERVAL_S)):
                    await self._next_commit.wait()
            except TimeoutError:
                version = await asyncio.wrap_future(self._writes.thread.submit(self._data_version))
                if version != self._foreign:
                    self._foreign = version
                    self._wake()
        return True

    def _data_version(self) -> int:
        try:
            version: int = self._db.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error as error:
            raise translated(error, self.path) from error
        return version

    async def close(self) -> None:
        """Close the file; a second call does nothing."""
        if not self._closed:
            self._closed = True
            await self._reads.close(self._readable.close)
            await self._writes.close(self._db.close)
