"""What a sample makes doubtful: ids that tell no events apart, and values that are looked for and never come."""

from collections.abc import Iterator, Sequence

from contracts import Event, PackManifest, Where
from forestall.packs.conditions import values_of
from forestall.packs.mistakes import Location, Mistake, nearest
from forestall.packs.source import Source

_NAMED = 12


def doubts(
    source: Source, manifest: PackManifest, place: int, mapped: Sequence[Event], counted: Sequence[Event]
) -> Iterator[Mistake]:
    """Of the stream at `place`: its events as they were mapped, and those that are counted, enriched."""
    stream = manifest.streams[place]
    at: Location = ("streams", place)
    yield from _ids(source, (*at, "mapping", "id"), stream.mapping.id if stream.mapping else None, counted)
    yield from _values(source, (*at, "keep"), stream.keep, mapped)
    types = {each.type for each in stream.types}
    looked = [(("measures", number), each.of, each.where) for number, each in enumerate(manifest.measures)]
    looked += [(("reflexes", number), each.of, each.where) for number, each in enumerate(manifest.reflexes)]
    for where, of, tests in looked:
        if types.intersection(of):
            yield from _values(source, (*where, "where"), tests, [event for event in counted if event.type in of])


def _ids(source: Source, at: Location, template: str | None, events: Sequence[Event]) -> Iterator[Mistake]:
    """More than every second event would be left out: an id is not what the template was meant for."""
    first: dict[str, tuple[object, ...]] = {}
    reused = 0
    for event in events:
        content = (event.type, event.time, event.data)
        reused += first.setdefault(event.id, content) != content
    if template is None or len(first) * 2 >= len(events):
        return
    repeated = len(events) - len(first) - reused
    told = f"{len(first):,} different id{'s'[: len(first) != 1]} for {len(events):,} events, only the first of each"
    told += f" is taken (repetitions: {repeated:,}, dead letters as id_reused: {reused:,})"
    yield source.mistake(at, f"{told}; name fields that tell events apart", template)


def _values(source: Source, at: Location, tests: Sequence[Where], events: Sequence[Event]) -> Iterator[Mistake]:
    for number, test in enumerate(tests) if events else ():
        seen = {event.data.get(test.field) for event in events}
        known = {each for each in seen if isinstance(each, str)}
        for where, value in values_of(test):
            if not any(value == each for each in seen):
                advice = nearest(value, known) if len(known) <= _NAMED else f"it has {len(known):,} others"
                yield source.mistake((*at, number, *where), f"no row of the sample has it; {advice}", value)
        if test.prefix is not None and not any(each.startswith(test.prefix) for each in known):
            yield source.mistake((*at, number, "prefix"), "no row of the sample begins with it", test.prefix)
