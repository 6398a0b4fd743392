"""Another process holds the ledger's write lock for longer than anybody waits for it at once."""

import asyncio
import logging
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from forestall.bootstrap import LEDGER_FILE
from forestall.service import Orders, run_service
from forestall.settings import Settings
from ledger import LedgerBusy


@pytest.fixture
def settings(parcels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home that was used before. Nobody waits for long: each wait ends at once, and is begun anew."""
    monkeypatch.setattr("ledger.sqlite.BUSY_TIMEOUT_MS", 1)
    for place in ("forestall.service.waiting.RETRY_S", "triggers.worker.RETRY_WAIT_S"):
        monkeypatch.setattr(place, 0.001)
    made = Settings(_env_file=None, home=tmp_path / "home", packs=(str(parcels),))
    asyncio.run(run_service(made, "before", Orders(until_idle=True)))
    return made


@contextmanager
def locked(settings: Settings) -> Iterator[sqlite3.Connection]:
    """The write lock is held until `rollback`."""
    other = sqlite3.connect(settings.home / LEDGER_FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield other
    finally:
        other.close()


class Heard(logging.Handler):
    """What is logged, and somebody who waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._new = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        self._new.set()

    def count(self, text: str) -> int:
        return sum(text in line for line in self.lines)

    async def until(self, text: str) -> None:
        async with asyncio.timeout(60):
            while not self.count(text):
                self._new.clear()
                await self._new.wait()


@pytest.fixture
def log() -> Iterator[Heard]:
    heard, logger = Heard(), logging.getLogger("forestall")
    logger.addHandler(heard)
    before = logger.level
    logger.setLevel(logging.INFO)
    yield heard
    logger.setLevel(before)
    logger.removeHandler(heard)


async def test_a_service_waits_for_the_lock_and_goes_on(settings: Settings, log: Heard) -> None:
    with locked(settings) as other:
        serving = asyncio.create_task(run_service(settings, "run-1", Orders()))
        await log.until("another process is writing")
        assert not log.count("watches parcels")
        other.rollback()
        await log.until("run-1 is ready")
        os.kill(os.getpid(), signal.SIGTERM)
        done = await serving
    assert (done.summary, done.interrupted) == (None, False)
    assert (log.count("watches parcels"), log.count("another process is writing")) == (1, 1)


async def test_a_service_that_waits_for_the_lock_can_be_stopped(settings: Settings, log: Heard) -> None:
    with locked(settings):
        serving = asyncio.create_task(run_service(settings, "run-1", Orders()))
        await log.until("waiting for it")
        os.kill(os.getpid(), signal.SIGINT)
        assert (await serving).interrupted


async def test_a_run_until_idle_waits_and_gives_up_in_the_end(settings: Settings, log: Heard) -> None:
    with locked(settings) as other:
        running = asyncio.create_task(run_service(settings, "run-1", Orders(until_idle=True)))
        await log.until("waiting for it")
        other.rollback()
        assert (await running).summary is not None
    log.lines.clear()
    with locked(settings), pytest.raises(LedgerBusy, match="another process is writing"):
        await run_service(settings, "run-1", Orders(until_idle=True))
    assert log.count("another process is writing") == 1, "told once, tried often"
