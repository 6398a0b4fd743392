"""A pack's runbooks, read and checked against its manifest and its tools."""

from collections.abc import Iterator
from pathlib import Path

from contracts import PackManifest, Runbook, Signal
from forestall.packs.arguments import check_bindings, check_calls
from forestall.packs.mistakes import Mistake, nearest
from forestall.packs.shape import check_shape
from forestall.packs.source import Source, read_source
from tools import Catalogue

Read = tuple[Source, Runbook]


def read_runbooks(folder: Path, declared: Mistake) -> tuple[list[Read], list[Mistake]]:
    """Every `*.yaml` in the folder, by name. `declared` is a mistake at the line that names it, to be completed."""
    files = sorted({*folder.glob("*.yaml"), *folder.glob("*.yml")})
    if not files:
        rule = f"no such folder: {folder}" if not folder.is_dir() else f"no *.yaml in {folder}"
        fault = Mistake(declared.file, declared.line, declared.field, "", f"{rule}; correct the name or remove it")
        return [], [fault]
    read: list[Read] = []
    mistakes: list[Mistake] = []
    for file in files:
        source = read_source(file)
        runbook, faults = check_shape(source, Runbook)
        mistakes += faults
        if runbook is not None:
            read.append((source, runbook))
    return read, mistakes + list(_doubled(read))


def _doubled(read: list[Read]) -> Iterator[Mistake]:
    seen: dict[str, Source] = {}
    for source, runbook in read:
        first = seen.setdefault(runbook.template, source)
        if first is not source:
            yield source.mistake(("runbook",), f"already in {first.file.name}; raise its version", runbook.template)


def check_runbook(source: Source, runbook: Runbook, manifest: PackManifest, catalogue: Catalogue) -> Iterator[Mistake]:
    """Measure, dimensions, parameters, tools, arguments and order of one runbook."""
    measures = {measure.name: measure for measure in manifest.measures}
    measure = measures.get(runbook.applies.measure)
    if measure is None:
        wanted = runbook.applies.measure
        yield source.mistake(("applies", "measure"), f"no such measure; {nearest(wanted, measures)}", wanted)
    else:
        for place, name in enumerate(runbook.applies.explained_by):
            if name not in measure.dimensions:
                rule = f"{measure.name} declares no such dimension; {nearest(name, measure.dimensions)}"
                yield source.mistake(("applies", "explained_by", place), rule, name)
        yield from check_bindings(source, runbook, measure.dimensions, set(Signal.model_fields))
    yield from check_calls(source, runbook, catalogue)
    yield from _check_order(source, runbook)


def _check_order(source: Source, runbook: Runbook) -> Iterator[Mistake]:
    for ordinal, task in enumerate(runbook.tasks, 1):
        for place, other in enumerate(task.depends_on):
            if not 1 <= other < ordinal:
                rule = f"must be an earlier task; the first task is 1, and this one is {ordinal}"
                yield source.mistake(("tasks", ordinal - 1, "depends_on", place), rule, other)
