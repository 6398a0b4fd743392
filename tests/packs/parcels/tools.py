"""Tools of a pack that tests load, change and break."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forestall import ToolContext, tool


@tool(effect="keyed")
async def close_depot(context: ToolContext, depot: str, hours: int = 4) -> dict[str, Any]:
    """Send parcels elsewhere for some hours."""
    return {"command": context.command_id, "depot": depot, "hours": hours}


@tool(effect="keyed")
async def open_depot(context: ToolContext, depot: str) -> dict[str, Any]:
    """Take parcels again."""
    return {"command": context.command_id, "depot": depot}


def resources(home: Path) -> Mapping[str, Any]:
    return {"depots": home / "depots.db"}
