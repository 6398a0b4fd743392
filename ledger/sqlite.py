"""The ledger on SQLite: one file, one writer thread, WAL with `synchronous=FULL`."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar

from ledger.commands import Commands
from ledger.errors import LedgerError, LedgerReadOnly, translated
from ledger.inbox import Inbox
from ledger.incidents import Incidents
from ledger.journal import Journal
from ledger.leases import Leases
from ledger.people import People
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
        self.leases = Leases(connection)


class Ledger(Protocol):
    """The durable record. All that is written in one `transact` is there together, or not at all."""

    async def transact(self, label: str, work: Callable[[Transaction], Answer]) -> Answer:
        """Run `work` in one transaction; `label` names the commit point.

        Raises:
            LedgerError: see `ledger.errors`; nothing was written.
        """
        ...

    async def read(self, work: Callable[[Transaction], Answer]) -> Answer:
        """Run `work`, which only reads, on one snapshot."""
        ...

    @property
    def commits(self) -> int:
        """A number that grows with every commit that this process made or noticed."""
        ...

    async def changed(self, since: int, timeout_s: float) -> bool:
        """Wait until `commits` is beyond `since`, whoever committed; False after `timeout_s`."""
        ...

    async def close(self) -> None: ...


class SqliteLedger:
    """One file. Several processes may use it: writers wait for each other, leases and epochs keep them apart."""

    def __init__(self, path: Path) -> None:
        """Open or create the file and migrate it.

        Raises:
            LedgerError: see `ledger.errors`.
        """
        self.path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._commits = 0
        self._next_commit = asyncio.Event()
        self._closed = False
        try:
            self._db, self._tables = self._thread.submit(self._open).result()
            self._foreign = self._thread.submit(self._data_version).result()
        except BaseException:
            self._thread.shutdown()
            raise

    def _open(self) -> tuple[sqlite3.Connection, Transaction]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LedgerReadOnly(
                f"{self.path.parent}: cannot be made ({error.strerror}); choose another home"
            ) from error
        try:
            connection = sqlite3.connect(self.path, isolation_level=None, timeout=BUSY_TIMEOUT_MS / 1000)
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
                self._assert_durable(connection)
                migrate(connection, self.path)
            except BaseException:
                connection.close()
                raise
        except sqlite3.Error as error:
            raise translated(error, self.path) from error
        return connection, Transaction(connection)

    def _assert_durable(self, connection: sqlite3.Connection) -> None:
        journal = connection.execute("PRAGMA journal_mode").fetchone()[0]
        level = connection.execute("PRAGMA synchronous").fetchone()[0]
        if (journal, level) != ("wal", 2):
            raise LedgerError(f"{self.path}: journal_mode={journal}, synchronous={level}; need wal and 2 (FULL)")

    async def transact(self, label: str, work: Callable[[Transaction], Answer]) -> Answer:  # noqa: ARG002
        """See `Ledger.transact`."""
        try:
            answer = await self._in_thread(lambda: self._transact(work))
        except asyncio.CancelledError:
            self._wake()  # it may have been committed all the same
            raise
        self._wake()
        return answer

    def _wake(self) -> None:
        self._commits += 1
        self._next_commit.set()
        self._next_commit = asyncio.Event()

    def _transact(self, work: Callable[[Transaction], Answer]) -> Answer:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                answer = work(self._tables)
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise translated(error, self.path) from error
        return answer

    async def read(self, work: Callable[[Transaction], Answer]) -> Answer:
        """See `Ledger.read`."""
        return await self._in_thread(lambda: self._read(work))

    def _read(self, work: Callable[[Transaction], Answer]) -> Answer:
        try:
            self._db.execute("BEGIN")
            try:
                return work(self._tables)
            finally:
                self._db.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise translated(error, self.path) from error

    async def _in_thread(self, job: Callable[[], Answer]) -> Answer:
        # A cancelled caller must not leave while its transaction still runs: what it was told would be wrong.
        future = asyncio.get_running_loop().run_in_executor(self._thread, job)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            if not future.done():
                await asyncio.wait([future])
            raise

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
                version = await self._in_thread(self._data_version)
                if version != self._foreign:
                    self._foreign = version
                    self._wake()
        return True

    def _data_version(self) -> int:
        version: int = self._db.execute("PRAGMA data_version").fetchone()[0]
        return version

    async def close(self) -> None:
        """Close the file; a second call does nothing."""
        if not self._closed:
            self._closed = True
            await self._in_thread(self._db.close)
            self._thread.shutdown()
