"""Where is the pack? A path, or a name that an installed distribution registers under `forestall.packs`."""

import importlib.util
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from forestall.errors import PackError
from forestall.packs.mistakes import nearest

GROUP = "forestall.packs"
MANIFEST = "pack.yaml"


def known_packs() -> tuple[str, ...]:
    """The names of the installed packs."""
    return tuple(sorted(entry_points(group=GROUP).names))


def find_pack(where: str | Path) -> Path:
    """The manifest of a pack: `where` is its folder, its `pack.yaml`, or the name of an installed one.

    Raises:
        PackError: there is none; the text names the installed ones.
    """
    path = Path(where)
    if path.is_file():
        return path
    if (path / MANIFEST).is_file():
        return path / MANIFEST
    if path.is_dir() and (isinstance(where, Path) or path.name != str(where)):
        raise PackError([f"{path}: the folder has no {MANIFEST}"], f"Write {path / MANIFEST}, or name another folder.")
    for entry in entry_points(group=GROUP, name=str(where)):
        return _installed(entry)
    names = known_packs()
    installed = f"Installed packs: {', '.join(names)}." if names else "No pack is installed."
    fault = f"pack: {str(where)!r}: neither a folder with {MANIFEST} nor an installed pack; {nearest(where, names)}"
    raise PackError([fault], f"{installed} Or give the path of a folder with {MANIFEST}.")


def _installed(entry: EntryPoint) -> Path:
    try:
        spec = importlib.util.find_spec(entry.value)
    except ImportError as error:
        spec, reason = None, f": {error}"
    else:
        reason = ""
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(folder) / MANIFEST).is_file():
            return Path(folder) / MANIFEST
    fault = f"pack: {entry.name!r}: its package {entry.value} holds no {MANIFEST}{reason}"
    raise PackError([fault], "Reinstall the distribution that brings it.")
