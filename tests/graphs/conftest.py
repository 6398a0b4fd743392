"""A plant on a folder of its own, and processes that are closed whatever happens."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from ledger import Ledger
from tests.graphs.plant import Plant, Process

Start = Callable[..., Process]


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return Plant(tmp_path)


@pytest.fixture
async def start(plant: Plant) -> AsyncIterator[Start]:
    """Starts a process of a plant (the fixture's own, unless another is given); ledgers are closed at the end."""
    opened: list[Ledger] = []

    def begin(of: Plant | None = None, **options: Any) -> Process:
        process = (of or plant).open(**options)
        opened.append(process.ledger)
        return process

    yield begin
    for ledger in opened:
        await ledger.close()
