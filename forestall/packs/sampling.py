"""Does a pack's mapping fit a sample? What no row has is a mistake in the mapping, with its line."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Any

from agents.mapping import Mapper, Origin, Steps, getter
from contracts import Event, EventMapping
from forestall.errors import InputError, PackError
from forestall.packs.doubts import doubts
from forestall.packs.load import load_pack
from forestall.packs.locate import find_pack
from forestall.packs.mistakes import Location, Mistake, nearest
from forestall.packs.source import Source, read_source

SAMPLE_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Sampled:
    """What came of a sample's rows: events, filtered ones, and bad ones, each with its line, in their order.

    `cut`: the sample has more rows, which were not looked at. `doubts` are slips that the rows make likely.
    """

    stream: str
    rows: int
    events: int
    filtered: int
    bad: tuple[str, ...]
    cut: bool = False
    doubts: tuple[str, ...] = ()


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
        cut = next(rows, None) is not None
    documents = [row.values for row in read if row.fault is None]
    source = read_source(find_pack(where))
    if documents and (mistakes := list(_absent(source, ("streams", place, "mapping"), mapping, documents))):
        raise PackError(map(str, mistakes))
    mapper, steps = Mapper(mapping, tenant="sample"), Steps(spec)
    mapped: list[Event] = []
    bad: list[str] = []
    for row in read:
        event = row.fault or mapper.map(dict(row.values), Origin(spec.name, f"{spec.name}:{row.line}", publish_time=0))
        if isinstance(event, Event):
            mapped.append(event)
        else:
            bad.append(f"line {row.line}: {event}")
    counted = [event for event in map(steps.apply, mapped) if event is not None]
    found_doubts = sorted(doubts(source, manifest, place, mapped, counted), key=lambda each: each.line)
    return Sampled(
        stream=spec.name,
        rows=len(read),
        events=len(counted),
        filtered=len(mapped) - len(counted),
        bad=tuple(bad),
        cut=cut,
        doubts=tuple(map(str, found_doubts)),
    )


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
