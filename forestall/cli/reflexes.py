"""Reflexes by name on the command line."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from forestall.errors import NotFound
from forestall.reflexes import in_words


def reflex_named(name: str, places: Mapping[str, str] = MappingProxyType({})) -> tuple[str, str, str]:
    """(pack, template, the rule in words) of `PACK/REFLEX`; the pack by name or path.

    `places`: where packs lie that this home's service ran, by name.

    Raises:
        PackError: there is no such pack, or it has mistakes.
        NotFound: the pack has no such reflex.
    """
    from forestall.packs import load_pack

    where, _, reflex = name.rpartition("/")
    manifest = load_pack(where if Path(where).exists() else places.get(where, where)).manifest
    for each in manifest.reflexes:
        if each.name == reflex:
            return manifest.pack, manifest.reflex_template(each), in_words(each)
    known = ", ".join(each.name for each in manifest.reflexes) or "none"
    raise NotFound(f"{name}: pack {manifest.pack} has no reflex {reflex!r}; known: {known}", "Correct the name.")
