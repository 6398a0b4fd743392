"""Worlds on disk, and the hands of somebody who acts in them."""

import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from scenarios.retail import RetailWorld, WorldSettings, troubles
from scenarios.retail.tools import resources
from tests.scenarios.retail.builders import Context, advance
from tools import ToolContext


@pytest.fixture(scope="session")
def settings() -> WorldSettings:
    """One trouble, and the world ends fifteen hours after it began."""
    return WorldSettings(seed=7, days=4, degrade=("A",), archive_days=0)


@pytest.fixture
def world(tmp_path: Path, settings: WorldSettings) -> RetailWorld:
    return RetailWorld(tmp_path, settings)


@pytest.fixture(scope="session")
def trouble(tmp_path_factory: pytest.TempPathFactory, settings: WorldSettings) -> Path:
    """A closed world, two hours after warehouse A went down."""
    home = tmp_path_factory.mktemp("trouble")
    world = RetailWorld(home, settings)
    advance(world, troubles(settings)[0].onset + 8)
    world.close()
    return home


@pytest.fixture
def troubled(trouble: Path, tmp_path: Path, settings: WorldSettings) -> RetailWorld:
    """That world, reopened from a copy."""
    shutil.copytree(trouble, tmp_path, dirs_exist_ok=True)
    return RetailWorld(tmp_path, settings)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    def make(command_id: str = "cmd-1", ceiling: str = "100000.00") -> ToolContext:
        return ToolContext(command_id, 0, 1, Decimal(ceiling), resources(tmp_path))

    return make
