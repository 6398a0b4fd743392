"""Reflexes by name on the command line."""

from forestall.errors import NotFound


def reflex_named(name: str) -> tuple[str, str]:
    """(pack, template) of `PACK/REFLEX`; the pack by name or path.

    Raises:
        PackError: there is no such pack, or it has mistakes.
        NotFound: the pack has no such reflex.
    """
    from forestall.packs import load_pack

    where, _, reflex = name.rpartition("/")
    manifest = load_pack(where).manifest
    for each in manifest.reflexes:
        if each.name == reflex:
            return manifest.pack, each.template
    known = ", ".join(each.name for each in manifest.reflexes) or "none"
    raise NotFound(f"{name}: pack {manifest.pack} has no reflex {reflex!r}; known: {known}")
