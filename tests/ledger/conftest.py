"""A ledger on a file, and a second process's view of the same file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ledger import SqliteLedger


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "ledger.db"


@pytest.fixture
async def ledger(path: Path) -> AsyncIterator[SqliteLedger]:
    opened = SqliteLedger(path)
    yield opened
    await opened.close()


@pytest.fixture
async def other(path: Path, ledger: SqliteLedger) -> AsyncIterator[SqliteLedger]:  # noqa: ARG001
    """What another process holds open on the same file."""
    opened = SqliteLedger(path)
    yield opened
    await opened.close()
