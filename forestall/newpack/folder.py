"""Where a drafted pack is put: whole or not at all."""

import re
import shutil
import tempfile
from pathlib import Path

from forestall.errors import UsageError
from forestall.newpack.names import slug
from forestall.packs import Pack, load_pack

MANIFEST = "pack.yaml"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


def pack_name(folder: Path) -> str:
    """The pack's name: its folder's, with _ where a name may not have what stands there."""
    name = folder.resolve().name
    if _NAME.fullmatch(name):
        return name
    near = slug(name, "")
    if not _NAME.fullmatch(near):
        raise UsageError(
            f"{folder}: {name!r} makes no name of a pack", "Name a folder in small letters, such as payments."
        )
    return near


def assert_free(folder: Path, *, force: bool) -> None:
    """Nothing that is there may be overwritten unless it is meant.

    Raises:
        UsageError: there is a pack, or something that is no folder.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is no folder", "Name another one.")
    if (folder / MANIFEST).exists() and not force:
        step = "Name another folder, or overwrite its pack.yaml with --force."
        raise UsageError(f"{folder / MANIFEST}: is there already; it is left alone", step)
    above = next(each for each in folder.absolute().parents if each.exists())
    if not above.is_dir():
        raise UsageError(f"{folder}: {above} is no folder", "Name another one.")


def put_pack(folder: Path, text: str) -> Pack:
    """Write it beside its place, load it there, and only then move it.

    Raises:
        PackError: it does not load; nothing was written.
        UsageError: the folder cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        drafted = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise UsageError(f"{folder}: cannot be made ({error.strerror})", "Name another folder.") from error
    try:
        (drafted / MANIFEST).write_text(text, encoding="utf-8")
        load_pack(drafted)
        if not folder.exists():
            drafted.chmod(0o755)
            drafted.rename(folder)
        else:
            (drafted / MANIFEST).replace(folder / MANIFEST)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written ({error.strerror})", "Name another folder.") from error
    finally:
        shutil.rmtree(drafted, ignore_errors=True)
    return load_pack(folder)
