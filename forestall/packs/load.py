"""A pack, read whole and checked whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts import PackManifest, Runbook, digest
from forestall.errors import PackError
from forestall.packs.autonomy import check_autonomy, check_detectors
from forestall.packs.conditions import check_conditions
from forestall.packs.functions import NO_FUNCTIONS, Functions, FunctionsFault, Resources, load_functions
from forestall.packs.locate import find_pack
from forestall.packs.loops import check_loops
from forestall.packs.mistakes import Mistake
from forestall.packs.names import check_names
from forestall.packs.reflexes import check_reflexes
from forestall.packs.runbooks import Read, check_runbook, read_runbooks
from forestall.packs.shape import check_shape
from forestall.packs.source import Source, read_source
from forestall.packs.tables import read_tables, tables_of
from tools import Catalogue

KNOWLEDGE = "knowledge"


@dataclass(frozen=True, slots=True)
class Pack:
    """One domain, ready to run.

    `knowledge` holds (title, text) of each `knowledge/*.md`, by file name. `resources(home)` connects what the tools
    need. `digest` is the hash of the manifest, the runbooks, the tools' source and the knowledge: equal digests, equal
    behaviour.
    """

    manifest: PackManifest
    folder: Path
    runbooks: tuple[Runbook, ...]
    catalogue: Catalogue
    resources: Resources
    knowledge: tuple[tuple[str, str], ...]
    digest: str

    @property
    def name(self) -> str:
        return self.manifest.pack


def load_pack(where: str | Path) -> Pack:
    """The pack at a path (its folder, or `pack.yaml`), or the installed one of that name.

    Raises:
        PackError: there is no such pack, or it has mistakes; the text lists every one.
    """
    file = find_pack(where)
    try:
        return _load(file)
    except OSError as error:
        fault = f"{error.filename or file}: {error.strerror or error}"
        raise PackError([fault], "Make the file readable and run the command again.") from error


def _load(file: Path) -> Pack:
    source = read_source(file)
    manifest, mistakes = check_shape(source, PackManifest)
    if names := list(check_names(source)):
        # The manifest's own check of its names tells the first one only, and no line.
        mistakes = [each for each in mistakes if each.field] + names
    if manifest is not None:
        manifest, faults = read_tables(source, manifest)
        mistakes += faults
    functions, faults = _functions(source)
    mistakes += faults
    read, faults = _runbooks(source)
    mistakes += faults
    if manifest is not None:
        mistakes += check_detectors(source, manifest)
        mistakes += check_conditions(source, manifest)
        if functions is not None:
            for runbook_source, runbook in read:
                mistakes += check_runbook(runbook_source, runbook, manifest, functions.catalogue)
            mistakes += check_autonomy(source, manifest, functions.catalogue, [runbook for _, runbook in read])
            mistakes += check_reflexes(source, manifest, functions.catalogue)
            mistakes += check_loops(source, manifest, functions.catalogue)
    if mistakes or manifest is None or functions is None:
        raise PackError(_lines(mistakes))
    knowledge = _knowledge(file.parent)
    return Pack(
        manifest=manifest,
        folder=file.parent,
        runbooks=tuple(runbook for _, runbook in read),
        catalogue=functions.catalogue,
        resources=functions.resources,
        knowledge=knowledge,
        digest=_digest(source, read, functions, knowledge, tables_of(manifest)),
    )


def _lines(mistakes: Sequence[Mistake]) -> list[str]:
    ordered = sorted(mistakes, key=lambda each: (str(each.file), each.line))
    return list(dict.fromkeys(map(str, ordered)))


def _functions(source: Source) -> tuple[Functions | None, list[Mistake]]:
    where = source.at(("tools",))
    if not isinstance(where, str):
        return NO_FUNCTIONS, []
    try:
        return load_functions(where, source.file.parent, source.mistake(("tools",), "")), []
    except FunctionsFault as fault:
        return None, list(fault.mistakes)


def _runbooks(source: Source) -> tuple[list[Read], list[Mistake]]:
    where = source.at(("runbooks",))
    if not isinstance(where, str):
        return [], []
    return read_runbooks(source.file.parent / where, source.mistake(("runbooks",), ""))


def _knowledge(folder: Path) -> tuple[tuple[str, str], ...]:
    return tuple(_note(file) for file in sorted((folder / KNOWLEDGE).glob("*.md")))


def _note(file: Path) -> tuple[str, str]:
    """The first heading (the file's name where there is none), and the whole text."""
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PackError([f"{file}:1: not UTF-8; save the file as UTF-8"]) from error
    headings = (line.lstrip("#").strip() for line in text.splitlines() if line.startswith("#"))
    return next(headings, file.stem.replace("_", " ")), text


def _digest(
    source: Source,
    read: Sequence[Read],
    functions: Functions,
    knowledge: tuple[tuple[str, str], ...],
    tables: Sequence[Any],
) -> str:
    """Of what was written, not of defaults: a new version of Forestall does not change it."""
    parts = {
        "manifest": source.data,
        "runbooks": [runbook_source.data for runbook_source, _ in read],
        "tools": dict(functions.sources),
        "knowledge": knowledge,
    }
    return digest(parts | {"tables": tables} if tables else parts)
