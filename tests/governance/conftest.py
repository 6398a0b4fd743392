"""A ledger to govern."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ledger import SqliteLedger


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[SqliteLedger]:
    opened = SqliteLedger(tmp_path / "ledger.db")
    yield opened
    await opened.close()
