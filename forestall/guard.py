"""Forestall's rooms are imported by their folders' names, which another distribution may also use."""

from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

ROOMS = (
    "agents",
    "contracts",
    "evals",
    "forestall",
    "governance",
    "graphs",
    "ledger",
    "memory",
    "prompts",
    "scenarios",
    "tools",
    "triggers",
)


def shadowing_problem(root: Path | None = None) -> str | None:
    """What is imported in place of a room of ours, and what to do; None when every room is ours.

    `root` is the folder that holds the rooms, by default the one that holds `forestall`.
    """
    ours = (root or Path(__file__).parent.parent).resolve()
    for room in ROOMS:
        spec = find_spec(room)
        origin = Path(spec.origin).resolve() if spec and spec.origin else None
        if origin is None or origin.parent.parent != ours:
            return _told(room, origin)
    return None


def _told(room: str, origin: Path | None) -> str:
    if origin is None:
        return f"{room}: not found beside forestall; reinstall Forestall"
    others = [name for name in packages_distributions().get(room, ()) if name != "forestall"]
    who = f"the distribution {others[0]}" if others else "a folder of that name on the import path"
    remedy = f"uninstall {others[0]}" if others else "run from another folder, or unset PYTHONPATH"
    return f"{room}: {origin.parent} comes first, from {who}; {remedy}, or give Forestall an environment of its own"
