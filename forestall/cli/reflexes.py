"""Reflexes by name on the command line."""

from contracts import Reflex, Where
from forestall.errors import NotFound


def reflex_named(name: str) -> tuple[str, str, str]:
    """(pack, template, the rule in words) of `PACK/REFLEX`; the pack by name or path.

    Raises:
        PackError: there is no such pack, or it has mistakes.
        NotFound: the pack has no such reflex.
    """
    from forestall.packs import load_pack

    where, _, reflex = name.rpartition("/")
    manifest = load_pack(where).manifest
    for each in manifest.reflexes:
        if each.name == reflex:
            return manifest.pack, manifest.reflex_template(each), _told(each)
    known = ", ".join(each.name for each in manifest.reflexes) or "none"
    raise NotFound(f"{name}: pack {manifest.pack} has no reflex {reflex!r}; known: {known}", "Correct the name.")


def _told(reflex: Reflex) -> str:
    arguments = ", ".join(f"{name}={value}" for name, value in reflex.arguments.items())
    tests = " and ".join(map(_test, reflex.where))
    return f"{reflex.tool}({arguments}) for {', '.join(reflex.of)}" + (f" where {tests}" if tests else "")


def _test(where: Where) -> str:
    if where.prefix is not None:
        return f"{where.field} begins with {where.prefix}"
    return f"{where.field} is " + (" or ".join(map(str, where.one_of)) if where.one_of else str(where.equals))
