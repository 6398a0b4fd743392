"""Worlds on disk, and the hands of somebody who acts in them."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from scenarios.retail import RetailWorld, WorldSettings, troubles
from scenarios.retail.tools import resources
from tests.scenarios.retail.builders import Context, advance
from tools import ToolContext


@pytest.fixture
def settings() -> WorldSettings:
    """One trouble, and the world ends nine hours after it began."""
    return WorldSettings(seed=7, days=4, degrade=("A",))


@pytest.fixture
def world(tmp_path: Path, settings: WorldSettings) -> RetailWorld:
    return RetailWorld(tmp_path, settings)


@pytest.fixture
def troubled(world: RetailWorld, settings: WorldSettings) -> RetailWorld:
    """Two hours after warehouse A went down."""
    advance(world, troubles(settings)[0].onset + 8)
    return world


@pytest.fixture
def context(world: RetailWorld, tmp_path: Path) -> Context:
    connected: dict[str, Any] = resources(tmp_path)

    def make(command_id: str = "cmd-1", ceiling: str = "100000.00") -> ToolContext:
        return ToolContext(command_id, world.time, world.time + 1, Decimal(ceiling), connected)

    return make
