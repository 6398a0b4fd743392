"""Jobs that share a flush: one BEGIN and COMMIT, a savepoint each. And reads that share a visit to the thread."""

import sqlite3
from pathlib import Path
from typing import Any

from ledger.errors import LedgerError, translated
from ledger.lane import Job


class GroupCommit:
    """Runs groups of jobs on the writer's connection.

    A job that fails is rolled back alone, and only its caller learns of it. When the COMMIT fails, or SQLite gives up
    the whole transaction (a full disk), every job of it fails: none of them was written.
    """

    def __init__(self, connection: sqlite3.Connection, tables: Any, path: Path) -> None:
        self._db, self._tables, self._path = connection, tables, path

    def run(self, jobs: list[Job]) -> list[Job]:
        """All of it or, when the transaction was given up on the way, what was not begun is returned."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            _fail(jobs, self._translated(error))
            return []
        for place, job in enumerate(jobs):
            self._one(job)
            if not self._db.in_transaction:
                _fail(jobs[: place + 1], job.error or LedgerError(f"{self._path}: the transaction was given up"))
                return jobs[place + 1 :]
        self._end(jobs)
        return []

    def _one(self, job: Job) -> None:
        try:
            self._db.execute("SAVEPOINT job")
            job.answer = job.work(self._tables)
            self._db.execute("RELEASE job")
        except BaseException as error:
            job.error = self._translated(error)
            if self._db.in_transaction:
                self._db.execute("ROLLBACK TO job")
                self._db.execute("RELEASE job")

    def _end(self, jobs: list[Job]) -> None:
        written = any(job.error is None for job in jobs)
        try:
            self._db.execute("COMMIT" if written else "ROLLBACK")
        except sqlite3.Error as error:
            # Whoever failed may have failed by what a neighbour had written, so that it is told the same.
            _fail(jobs, self._translated(error))
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def _translated(self, error: BaseException) -> BaseException:
        return _translated(error, self._path)


class Snapshots:
    """Runs reads on the reader's connection, each on a snapshot of its own."""

    def __init__(self, connection: sqlite3.Connection, tables: Any, path: Path) -> None:
        self._db, self._tables, self._path = connection, tables, path

    def run(self, jobs: list[Job]) -> list[Job]:
        """All of them."""
        for job in jobs:
            try:
                self._db.execute("BEGIN")
                try:
                    job.answer = job.work(self._tables)
                finally:
                    self._db.execute("ROLLBACK")
            except BaseException as error:
                job.error = self._told(error)
        return []

    def _told(self, error: BaseException) -> BaseException:
        if isinstance(error, sqlite3.OperationalError) and "readonly" in str(error):
            return LedgerError(f"{self._path}: a read tried to write; use `transact`")
        return _translated(error, self._path)


def _translated(error: BaseException, path: Path) -> BaseException:
    if not isinstance(error, sqlite3.Error):
        return error
    ours = translated(error, path)
    ours.__cause__ = error
    return ours


def _fail(jobs: list[Job], error: BaseException) -> None:
    for job in jobs:
        job.error = error
