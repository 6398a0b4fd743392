"""Does a pack's mapping fit a sample? What no row has is a mistake in the mapping, with its line."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Any

from agents.mapping import Fault, Mapper, Origin, Steps, getter
from contracts import EventMapping, StreamSpec
from forestall.errors import InputError, PackError
from forestall.packs.load import load_pack
from forestall.packs.locate import find_pack
from forestall.packs.mistakes import Location, Mistake, nearest
from forestall.packs.source import Source, read_source

SAMPLE_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Sampled:
    """What came of a sample's rows: events, filtered ones, and bad ones, each with its line."""

    stream: str
    rows: int
    events: int
    filtered: int
    bad: tuple[str, ...]


def check_sample(where: str, sample: Path, stream: str | None = None) -> Sampled:
    """Map the first rows of a file as messages of the pack's stream (the only one that maps JSON, unless named).

    Raises:
        PackError: the pack has mistakes, or its mapping names what no row has.
        InputError: there is no such stream.
        FixFile: the sample cannot be read.
    """
    from triggers.emit import open_rows

    manifest = load_pack(where).manifest
    found = [
        (place, each, each.mapping)
        for place, each in enumerate(manifest.streams)
        if each.mapping is not None and stream in (None, each.name)
    ]
    if len(found) != 1:
        names = ", ".join(each.name for _, each, _ in found) or "none"
        step = "Name one with --stream." if found else "A sample is tried against a mapping."
        raise InputError(f"{where}: streams that map and are meant: {names}", step)
    ((place, spec, mapping),) = found
    with open_rows(sample) as (_, rows):
        read = list(islice(rows, SAMPLE_ROWS))
    documents = [row.values for row in read if row.fault is None]
    source = read_source(find_pack(where))
    if documents and (mistakes := list(_absent(source, ("streams", place, "mapping"), mapping, documents))):
        raise PackError(map(str, mistakes))
    bad = [f"line {row.line}: {row.fault}" for row in read if row.fault is not None]
    return _mapped(spec, mapping, [(row.line, row.values) for row in read if row.fault is None], bad)


def _absent(
    source: Source, at: Location, mapping: EventMapping, documents: list[Mapping[str, Any]]
) -> Iterator[Mistake]:
    """An optional field may well be absent: only a likely slip is told."""
    optional = {("fields", name, "from") for name, spec in mapping.fields.items() if spec.optional}
    known = {name for document in documents[:100] for name in document}
    for place, path in mapping.paths():
        get = getter(path)
        if all(get(document) is None for document in documents):
            if place in optional and not get_close_matches(path, known):
                continue
            yield source.mistake((*at, *place), f"no row of the sample has it; {nearest(path, known)}", path)


def _mapped(
    spec: StreamSpec, mapping: EventMapping, rows: list[tuple[int, Mapping[str, Any]]], bad: list[str]
) -> Sampled:
    mapper, steps, events, filtered = Mapper(mapping, tenant="sample"), Steps(spec), 0, 0
    total = len(rows) + len(bad)
    for line, document in rows:
        event = mapper.map(dict(document), Origin(spec.name, f"{spec.name}:{line}", publish_time=0))
        if isinstance(event, Fault):
            bad.append(f"line {line}: {event}")
        elif steps.apply(event) is None:
            filtered += 1
        else:
            events += 1
    return Sampled(spec.name, total, events, filtered, tuple(bad))
