"""What is worth watching in a sample."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from contracts import format_duration
from forestall.newpack.columns import Column, number
from forestall.newpack.errors import WishFault
from forestall.newpack.names import FieldNames, slug
from forestall.newpack.plan import MeasurePlan, Test, TypePlan
from forestall.newpack.rhythm import pane_of_counts, pane_of_readings
from forestall.newpack.trouble import Trouble
from forestall.newpack.wishes import COUNT, Wishes, unknown_column

OVERLAP = 0.5


@dataclass(frozen=True, slots=True)
class Stream:
    """What is known of the sample's events when measures are chosen. `at` has an instant a document, or None."""

    pack: str
    word: str
    names: FieldNames
    at: Sequence[int | None]
    type: TypePlan
    unit: Column | None
    period: int | None
    key: Column | None

    @property
    def instants(self) -> list[int]:
        return [each for each in self.at if each is not None]


def level_of(stream: Stream, column: Column, pane: int | None) -> MeasurePlan:
    """The mean of a number, pane by pane."""
    name = stream.names.of(column.path)
    if stream.period is not None:
        keeps = f"a number every {format_duration(stream.period)}"
        chosen = pane_of_readings(stream.period)
    else:
        keeps, chosen = "a number", pane_of_counts(stream.instants, stream.instants)
    each = f" for each {stream.key.path}" if stream.key is not None else ""
    return MeasurePlan(
        name=name,
        title=f"Mean of {column.path}",
        why=f"{column.path}: {keeps}{each}",
        of=stream.type.names,
        aggregate="mean",
        pane=pane or chosen,
        pane_why="" if pane or stream.period is None else f"{chosen / stream.period:.3g} a pane",
        field=name,
        key=None if stream.key is None else stream.names.of(stream.key.path),
        detectors=(("level", "both"),),
    )


def count_of_trouble(stream: Stream, trouble: Trouble, pane: int | None) -> MeasurePlan:
    """Events, or units where a unit comes several times, that hold a value that looks like trouble."""
    what, test, name = _told(trouble)
    column, unit = trouble.column, stream.unit
    counted, seen = [], set[str]()
    for text, at, one in zip(column.texts, stream.at, unit.texts if unit else stream.at, strict=True):
        if at is not None and trouble.holds(text) and (unit is None or str(one) not in seen):
            counted.append(at)
            seen.add(str(one))
    by_type = stream.type.column == column.path
    distinct = unit is not None and len(counted) < trouble.count
    share = f"{trouble.share:.1%}".replace("%", " %")
    each = f", in {len(counted):,} different {unit.path}" if unit is not None and distinct else ""
    units = f"Different {unit.path}" if unit is not None and distinct else f"{stream.word.capitalize()}s"
    return MeasurePlan(
        name=name,
        title=f"{units} where {column.path} {what}"[:200],
        why=f"{column.path} {what} in {trouble.count:,} {stream.word}s ({share}){each}",
        of=tuple(name for value, name in stream.type.cases if trouble.holds(value)) if by_type else stream.type.names,
        aggregate="distinct" if distinct else "count",
        unit=stream.names.of(unit.path) if unit is not None and distinct else None,
        where=() if by_type else ((stream.names.of(column.path), test),),
        pane=pane or pane_of_counts(counted, stream.instants),
        pane_why="" if pane else _pane_words(counted, stream.instants),
        detectors=(("count", "up"),),
    )


def _told(trouble: Trouble) -> tuple[str, Test, str]:
    """In words, as a test, and as a name."""
    path = trouble.column.path
    if trouble.prefix is not None:
        prefix = trouble.prefix
        return f"begins with {prefix}", ("prefix", prefix), slug(f"{path}_begins_{prefix}", "prefix")
    if len(trouble.values) > 1:
        shown = ", ".join(trouble.values[:-1]) + f" or {trouble.values[-1]}"
        return f"is {shown}", ("one_of", trouble.values), slug(f"{path}_trouble", "trouble")
    [value] = trouble.values
    plain = value.lower() in ("true", "false") or value.isdecimal()
    return f"is {value}", ("equals", value), slug(f"{path}_{value}" if plain else value, "trouble")


def _pane_words(counted: Sequence[int], every: Sequence[int]) -> str:
    pane = pane_of_counts(counted, every)
    mean = len(counted) / max(len({each // pane for each in every}), 1)
    return f"{mean:.2g} of them a pane, where anything comes at all"


def count_of_all(stream: Stream, pane: int | None, why: str) -> MeasurePlan:
    """Every event, or every unit where one comes several times."""
    unit = stream.unit
    name = "events" if unit is None else slug(f"{unit.path}_count", "units")
    what = f"{stream.word}s" if unit is None else f"different {unit.path}"
    return MeasurePlan(
        name=name,
        title=what.capitalize() if unit is None else f"Different {unit.path}",
        why=why,
        of=stream.type.names,
        aggregate="count" if unit is None else "distinct",
        unit=None if unit is None else stream.names.of(unit.path),
        pane=pane or pane_of_counts(stream.instants, stream.instants),
        pane_why="" if pane else _pane_words(stream.instants, stream.instants),
        detectors=(("count", "both"), ("silence", "both")),
    )


def wished_measures(
    stream: Stream, columns: Sequence[Column], wishes: Wishes
) -> list[tuple[MeasurePlan, Column | None]]:
    """What `--measure` asks for, with the column behind it.

    Raises:
        WishFault: there is no such column or value, or the column holds no numbers.
    """
    return [_wished(stream, columns, text, wishes.pane_micros) for text in wishes.measures]


def _wished(
    stream: Stream, columns: Sequence[Column], text: str, pane: int | None
) -> tuple[MeasurePlan, Column | None]:
    by_path = {each.path: each for each in columns if each.kind != "nested"}
    if text == COUNT and text not in by_path:
        return count_of_all(stream, pane, "asked for by --measure"), None
    path, given, wanted = (text, "", "") if text in by_path else text.rpartition("=")
    if not given and text not in by_path:
        raise unknown_column("measure", text, list(by_path))
    if path not in by_path:
        raise unknown_column("measure", path, list(by_path))
    column = by_path[path]
    if not given:
        if not column.numeric:
            hint = f"to count some of its values write --measure {path}=VALUE"
            raise WishFault(f"--measure {path}: holds no numbers to take the mean of; {hint}")
        return level_of(stream, column, pane), column
    values = tuple(dict.fromkeys(each for each in wanted.split(",") if each))
    unknown = [each for each in values if each not in column.profile.counts]
    if unknown or not values:
        raise WishFault(
            f"--measure {text}: {path} never is {unknown[0]!r} in the sample"
            if unknown
            else f"--measure {text}: names no value"
        )
    return count_of_trouble(stream, Trouble(column, values), pane), column


def unnamed(measures: list[MeasurePlan]) -> list[MeasurePlan]:
    """The same, with a number behind a name that was taken."""
    taken: set[str] = set()
    fresh = []
    for measure in measures:
        name, number_ = measure.name, 2
        while name in taken:
            name, number_ = f"{measure.name[:58]}_{number_}", number_ + 1
        taken.add(name)
        fresh.append(replace(measure, name=name))
    return fresh


def numeric_share(column: Column) -> float:
    """The share of documents that hold a number there."""
    good = sum(times for text, times in column.profile.counts.items() if number(text) is not None)
    return good / max(len(column.texts), 1)


def different(one: Trouble, other: Trouble) -> bool:
    """Whether the two count mostly different events."""
    both = either = 0
    for first, second in zip(one.column.texts, other.column.texts, strict=True):
        held = (one.holds(first), other.holds(second))
        both, either = both + all(held), either + any(held)
    return both < OVERLAP * either
