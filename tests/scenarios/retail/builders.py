"""What the tests of the retail pack share."""

from collections.abc import Callable

from scenarios.retail import RetailWorld
from tools import ToolContext

Context = Callable[..., ToolContext]
"""Makes a context of a command's id and a value ceiling."""


def advance(world: RetailWorld, tick: int) -> list[str]:
    """Drive a world up to a durable tick, and return the ids of its events."""
    ids: list[str] = []
    while world.tick < tick:
        ids += [event.id for event in world.step()]
        world.commit()
    return ids
