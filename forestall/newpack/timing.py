"""When the sample's events happened, and how they came: what a plan begins with."""

from dataclasses import dataclass, replace

from contracts import to_iso
from forestall.newpack.columns import Column
from forestall.newpack.plan import Plan, TimePlan, TypePlan
from forestall.newpack.rhythm import Arrival, arrival_of, in_turn, span_words
from forestall.newpack.sample import Sample
from forestall.newpack.times import TimeColumn, find_time, no_time
from forestall.newpack.wishes import Wishes
from forestall.newpack.zones import clocks_apart, notes_on_time

_FORMS = {
    "iso": "ISO 8601",
    "epoch_s": "seconds since 1970",
    "epoch_ms": "milliseconds since 1970",
    "epoch_us": "microseconds since 1970",
}


@dataclass(frozen=True, slots=True)
class Timed:
    """`time` is None where only the broker's publish time is there; `others` could be the time, too.

    `at` has the instant of each document (microseconds), None where it names none.
    """

    time: TimeColumn | None
    others: tuple[str, ...]
    at: list[int | None]
    arrival: Arrival

    @property
    def column(self) -> Column | None:
        return self.time.column if self.time else None

    @property
    def known(self) -> list[int]:
        return [each for each in self.at if each is not None]


def timed(sample: Sample, columns: list[Column], wishes: Wishes, *, cloudevents: bool) -> Timed:
    """The time of each document.

    Raises:
        SampleFault: nothing tells it, or the column that was named does not.
    """
    found = find_time(columns, "time" if cloudevents else wishes.time, wishes.zone)
    if found is None and not sample.published:
        raise no_time(sample.origin, columns, sample.word)
    if found is None:
        published: list[int | None] = list(sample.published)
        return Timed(None, (), published, arrival_of(sample.published))
    at = [None if each is None else each.at for each in found[0].reads]
    return Timed(found[0], found[1], at, _arrival(at, in_turn(at, sample.partitions) if sample.partitions else None))


def _arrival(at: list[int | None], order: list[int] | None) -> Arrival:
    """`order`: how the documents came, where that is not how they lie; the lags are told as they lie."""
    places = range(len(at)) if order is None else order
    known = [(place, each) for place in places if (each := at[place]) is not None]
    arrival = arrival_of([each for _, each in known])
    lags = sorted(zip((place for place, _ in known), arrival.lags, strict=True))
    return replace(arrival, lags=[lag for _, lag in lags])


def begin_plan(
    sample: Sample, pack: str, topic: str, types: TypePlan, time: Timed, wishes: Wishes, *, cloudevents: bool
) -> Plan:
    """A plan that knows of time, and nothing yet of what is watched."""
    number = f"{len(sample.documents):,} {sample.word}{'' if len(sample.documents) == 1 else 's'}"
    begin, end = min(time.known), max(time.known)
    span = f"{_minute(begin)} to {_minute(end)} UTC"
    plan = Plan(
        pack=pack,
        title=f"What {sample.named} tells",
        topic=topic,
        heading=(
            f"Drafted by forestall new from {sample.named}: {number}, {span}.",
            "It observes: nothing is done. Columns that are not named below are not taken over.",
        ),
        type=types,
        time=_time_plan(time, wishes),
        measures=[],
        cloudevents=cloudevents,
        of_file=sample.topic is None,
        avro=sample.format == "avro",
        unsorted=time.arrival.unsorted and sample.topic is None,
        at=time.at,
    )
    plan.told.append(("read", f"{number} of {sample.named}, {span} ({span_words(end - begin)})"))
    plan.told.append(("time", _words(plan.time)))
    _arrive(sample, plan, time.arrival)
    return plan


def warnings_of(sample: Sample, columns: list[Column], time: Timed, wishes: Wishes, now: int) -> list[str]:
    """What may be wrong with the sample and with its times; `now` is our own clock's (microseconds)."""
    said, number = [], len(sample.documents)
    if not sample.whole:
        side = "first" if sample.topic is None else "last"
        said.append(f"these are the {side} {number:,} {sample.word}s only; --messages takes more")
    if sample.fault_total:
        said.append(f"{sample.fault_total:,} {sample.word}s could not be read: {'; '.join(sample.faults)}")
    if time.time is None:
        return said
    if time.time.unreadable:
        what = f"{sample.word}s have no time in {time.time.path} that can be read: they become dead letters"
        said.append(f"{time.time.unreadable:,} of {number:,} {what}")
    apart = clocks_apart(time.time, time.arrival.lags, columns)
    return said + notes_on_time(time.time, wishes.zone, now) + ([apart] if apart else [])


def _minute(micros: int) -> str:
    return to_iso(micros)[:16].replace("T", " ")


def _time_plan(time: Timed, wishes: Wishes) -> TimePlan:
    found = time.time
    if found is None:
        return TimePlan(None, comment="when the broker took it, since no column tells a time")
    others = f"it could also be {', '.join(time.others[:3])}" if time.others else ""
    if not found.names_no_zone:
        return TimePlan(found.path, found.form, None, others)
    if wishes.zone is not None:
        return TimePlan(found.path, found.form, wishes.zone, others)
    assumed = "it names no zone: UTC is assumed"
    return TimePlan(found.path, found.form, "UTC", f"{assumed}; {others}" if others else assumed)


def _words(plan: TimePlan) -> str:
    if plan.column is None:
        return plan.comment
    said = f"{plan.column}, {_FORMS.get(plan.form, plan.form)}"
    if plan.zone is not None and plan.comment.startswith("it names no zone"):
        return f"{said}; {plan.comment}"
    zone = "" if plan.zone is None else f" in {plan.zone}"
    return f"{said}{zone}; {plan.comment}" if plan.comment else f"{said}{zone}"


def _arrive(sample: Sample, plan: Plan, arrival: Arrival) -> None:
    """How late events come, and what is done about it."""
    if plan.unsorted:
        how = "is newest first" if arrival.newest_first else "is not in the order of time"
        plan.warnings.append(f"the file {how}; it was sorted to look at it here: sort it before you emit it")
        return
    plan.lateness = arrival.lateness
    if plan.lateness:
        plan.lateness_comment = "events come out of order by about that much: panes wait for them"
    if arrival.later_than_waited:
        many = f"{arrival.later_than_waited:,} {sample.word}s"
        plan.warnings.append(f"{many} come more than an hour late by their time: too late to be counted")
