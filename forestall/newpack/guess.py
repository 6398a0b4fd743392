"""From a sample to a plan: what each column is good for, and what is assumed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from contracts import FieldType, format_duration
from forestall.newpack.columns import Column, columns_of
from forestall.newpack.identity import identify
from forestall.newpack.kinds import recognised, type_plan
from forestall.newpack.measures import (
    Stream,
    count_of_all,
    count_of_trouble,
    different,
    level_of,
    numeric_share,
    unnamed,
    wished_measures,
)
from forestall.newpack.names import FieldNames, is_personal
from forestall.newpack.plan import FieldPlan, MeasurePlan, Plan
from forestall.newpack.rhythm import pane_of_readings, period_of
from forestall.newpack.roles import LeftOut, find_dimensions, find_key, find_levels, find_unit
from forestall.newpack.sample import Sample
from forestall.newpack.timing import Timed, begin_plan, timed, warnings_of
from forestall.newpack.trouble import Trouble, find_trouble
from forestall.newpack.wishes import Wishes, check_columns

TROUBLES_MAX = 2
LEVELS_MAX = 4
SPARSE = 0.2
"""A number that is missing more often is no series."""
MIXED_SHOWN = 5
_OF_THE_ENVELOPE = ("type", "time")


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A measure and the columns that it is made of."""

    measure: MeasurePlan
    columns: tuple[Column, ...] = ()


def plan_pack(sample: Sample, pack: str, topic: str, wishes: Wishes, now: int) -> Plan:
    """Everything that the pack will say; `now` is our own clock's (microseconds).

    Raises:
        SampleFault: no column tells the time, or the one that was named does not.
        WishFault: an option names what the sample does not have.
    """
    kind, documents = recognised(sample)
    cloudevents = kind == "cloudevents"
    columns, unseen = columns_of(documents)
    check_columns(wishes, columns)
    types = type_plan(pack, columns, wishes.type, cloudevents=cloudevents)
    time = timed(sample, columns, wishes, cloudevents=cloudevents)
    plan = begin_plan(sample, pack, topic, types, time, wishes, cloudevents=cloudevents)
    plan.warnings += warnings_of(sample, columns, time, wishes, now)
    if unseen:
        plan.warnings.append(f"{unseen:,} more columns were not looked at; {len(columns):,} are the most")
    mixed = [f"{each.path} ({each.mixed})" for each in columns if each.mixed]
    if mixed:
        plan.warnings.append(f"mixed kinds of values in {'; '.join(mixed[:MIXED_SHOWN])}")
    usable = [each for each in columns if each.kind != "nested" and not (cloudevents and each.path in _OF_THE_ENVELOPE)]
    left = [LeftOut(each.path, each.unusable) for each in columns if each.unusable]
    _watch(sample, plan, time, usable, left, wishes)
    return plan


def _watch(sample: Sample, plan: Plan, time: Timed, columns: list[Column], left: list[LeftOut], wishes: Wishes) -> None:
    unique = identify(plan, columns, time.column, wishes, sample)
    stream = _stream(sample, plan, time, columns, unique, wishes)
    wished = wished_measures(stream, columns, wishes)
    chosen = [_Chosen(measure, (column,) if column else ()) for measure, column in wished]
    chosen = chosen or _guessed(
        stream, plan, columns, (time.column, unique, stream.unit, stream.key), wishes.pane_micros
    )
    used = [column for each in chosen for column in each.columns]
    dimensions: list[Column] = []
    if any(each.measure.aggregate != "mean" for each in chosen):
        told_apart = [column for each in chosen if not _several(each.measure) for column in each.columns]
        free = [each for each in columns if each.path != plan.type.column]
        dimensions, unfit = find_dimensions(free, (time.column, unique, stream.unit, *told_apart))
        left = left + unfit
    plan.measures = unnamed([_explained(each.measure, dimensions, stream) for each in chosen])
    plan.dimensions_comment = _grouped(left)
    plan.fields = [] if plan.cloudevents else _fields(stream, plan, [*used, *dimensions], columns)
    plan.key = stream.unit.path if stream.unit is not None and not plan.cloudevents else None
    _tell(plan, stream, dimensions, left)


def _stream(
    sample: Sample, plan: Plan, time: Timed, columns: list[Column], unique: Column | None, wishes: Wishes
) -> Stream:
    """Period, key and unit."""
    taken = [each for each in (time.column, unique) if each is not None]
    free = [each for each in columns if each not in taken]
    period, key = period_of(time.known), None
    if period is None and time.time is not None and (keyed := find_key(free, time.at, time.column)):
        key, period = keyed
    unit = next((each for each in columns if each.path == wishes.unit), None)
    if unit is None:
        unit = find_unit(free, time.at, taken)
    if unit is not None and unit.missing:
        what = f"{sample.word}s: what is counted by it becomes a dead letter there"
        plan.warnings.append(f"{unit.path} is missing in {unit.missing:,} {what}")
    return Stream(plan.pack, sample.word, FieldNames(), time.at, plan.type, unit, period, key)


def _guessed(
    stream: Stream, plan: Plan, columns: list[Column], taken: Sequence[Column | None], pane: int | None
) -> list[_Chosen]:
    """Trouble first; numbers where they come at a fixed period; else everything."""
    troubles: list[Trouble] = []
    for trouble in find_trouble([each for each in columns if each not in taken and not is_personal(each.path, [])]):
        if len(troubles) < TROUBLES_MAX and all(different(trouble, each) for each in troubles):
            troubles.append(trouble)
    if not troubles and stream.unit is not None:  # its own values may tell: credit notes, reversals
        troubles = find_trouble([stream.unit])[:1]
    chosen = [_Chosen(count_of_trouble(stream, each, pane), (each.column,)) for each in troubles]
    if stream.period is not None:
        levels = find_levels(columns, [*taken, *(each.column for each in troubles)])
        chosen += _levels(stream, plan, [each for each in levels if numeric_share(each) >= 1 - SPARSE], pane)
    if not chosen:
        why = "no column speaks of trouble, so everything is counted; --measure COLUMN=VALUE counts what does"
        chosen.append(_Chosen(count_of_all(stream, pane or _beat(stream), why)))
    return chosen


def _beat(stream: Stream) -> int | None:
    return None if stream.period is None else pane_of_readings(stream.period)


def _levels(stream: Stream, plan: Plan, levels: list[Column], pane: int | None) -> list[_Chosen]:
    """The first of them tells of silence, too: they come together."""
    chosen = [_Chosen(level_of(stream, each, pane), (each,)) for each in levels[:LEVELS_MAX]]
    if chosen:
        first = chosen[0].measure
        chosen[0] = _Chosen(replace(first, detectors=(*first.detectors, ("silence", "both"))), chosen[0].columns)
    if len(levels) > LEVELS_MAX:
        rest = ", ".join(each.path for each in levels[LEVELS_MAX : LEVELS_MAX + 10])
        told = f"{len(levels)} columns are series of numbers, {LEVELS_MAX} of them are watched"
        plan.warnings.append(f"{told}; for {rest} add measures, or choose with --measure")
    holey = [each for each in levels[:LEVELS_MAX] if numeric_share(each) < 1]
    for each in holey:
        told = f"{each.path} holds no number in {1 - numeric_share(each):.1%} of them".replace("%", " %")
        plan.warnings.append(f"{told}: they become dead letters")
    return chosen


def _several(measure: MeasurePlan) -> bool:
    """Whether what is counted differs in the column that it is counted by, so that this column can explain it."""
    return any(kind == "one_of" for _, (kind, _) in measure.where)


def _explained(measure: MeasurePlan, dimensions: list[Column], stream: Stream) -> MeasurePlan:
    if measure.aggregate == "mean":
        return measure
    return replace(measure, dimensions=tuple(stream.names.of(each.path) for each in dimensions))


def _fields(stream: Stream, plan: Plan, used: list[Column], columns: list[Column]) -> list[FieldPlan]:
    """Only what measures need is taken over; a mapping has at least one field."""
    means = {measure.field for measure in plan.measures}
    named = {name for measure in plan.measures for name in (measure.unit, measure.key)}
    roles = [each for each in (stream.unit, stream.key) if each is not None and stream.names.of(each.path) in named]
    fields: dict[str, FieldPlan] = {}
    for column in [*roles, *used] or columns[:1]:
        name = stream.names.of(column.path)
        kind: FieldType = "number" if name in means else "string"
        fields.setdefault(name, FieldPlan(name, column.path, kind, column.missing / max(len(column.texts), 1)))
    return list(fields.values())


def _grouped(left: list[LeftOut]) -> str:
    by_why: dict[str, list[str]] = {}
    for each in left:
        by_why.setdefault(each.why, []).append(each.path)
    said = [f"{', '.join(paths[:6])} ({why})" for why, paths in by_why.items()]
    return f"left out: {'; '.join(said)}" if said else ""


def _tell(plan: Plan, stream: Stream, dimensions: list[Column], left: list[LeftOut]) -> None:
    if stream.unit is not None:
        plan.told.append(("unit", f"{stream.unit.path}: it comes several times, and counts once a pane"))
    for measure in plan.measures:
        kinds = " and ".join(kind for kind, _ in measure.detectors)
        plan.told.append(("watched", f"{measure.why}; per {format_duration(measure.pane)}, for {kinds}"))
    if dimensions:
        plan.told.append(("explained by", ", ".join(each.path for each in dimensions)))
    if left:
        plan.told.append(("left out", _grouped(left).removeprefix("left out: ")))
