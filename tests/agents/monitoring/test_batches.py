"""Nothing depends on where a batch ends, on how events are split over partitions, or on restarts in between."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.monitoring import Findings, Pane, Watch
from contracts import MINUTE, Event, canonical
from tests.agents.monitoring.builders import START, Pipeline, counts, event, numbers, pipeline, watched

WATCH = Watch(
    since=START + 3 * MINUTE, panes=2, until=START + 12 * MINUTE,
    looks=tuple(START + minute * MINUTE for minute in (2, 4, 5, 9)),
)  # fmt: skip
SECONDS = 14 * 60
EVENTS = st.lists(
    st.tuples(st.integers(0, SECONDS), st.sampled_from(["W1", "W2"]), st.booleans(), st.floats(-9, 9)),
    min_size=1,
    max_size=60,
)
CUTS = st.sets(st.integers(0, 60), max_size=12)


def events(drawn: list[tuple[int, str, bool, float]]) -> list[Event]:
    """In the order of their time."""
    order = sorted(enumerate(drawn), key=lambda item: (item[1][0], item[0]))
    return [event(0, 99, late=False)] + [
        event(seconds, number, order=f"o{number % 40}", warehouse=warehouse, late=late, price=price)
        for number, (seconds, warehouse, late, price) in order
    ]


def new(partitions: int = 1) -> Pipeline:
    return pipeline(
        counts(),
        counts(name="by_house", key="warehouse", lateness=30_000_000),
        numbers("mean"),
        numbers("sum", name="total"),
        numbers("last", name="last_price"),
        above=2,
        partitions=partitions,
    )


class Told:
    """Everything that a pipeline brought to light, step by step."""

    def __init__(self) -> None:
        self.signals: list[Any] = []
        self.looks: dict[Any, Any] = {}
        self.notices: dict[Any, Any] = {}
        self.panes = 0

    def close(self, made: Pipeline, instants: int) -> None:
        """Close panes, so many instants at a time, watching as an incident does."""
        due = True
        while due:
            findings = Findings()
            made.combiner.watch([watched(self.open_looks())], findings)
            self.add(made, made.close(findings, instants=instants))
            due = made.combiner.due(made.reach)

    def add(self, made: Pipeline, findings: Findings) -> None:
        for each in findings.signals:
            self.signals.append((each.signal.to_json(), each.evidence and each.evidence.to_json()))
        for look in findings.looks:
            self.looks.setdefault((look.thread, look.at), look.evidence and look.evidence.to_json())
        for thread, notice in made.combiner.notices():
            self.notices.setdefault((thread, notice.ref), (notice.kind, notice.at, dict(notice.body)))
        self.panes += findings.panes_closed

    def everything(self, made: Pipeline) -> bytes:
        found = [self.signals, sorted(map(str, self.looks.items())), sorted(map(str, self.notices.items()))]
        return canonical([*found, self.panes, made.late, made.docs])

    def open_looks(self) -> Watch:
        """What a caller asks for: looks that were answered are not asked for again."""
        return WATCH.model_copy(update={"looks": tuple(at for at in WATCH.looks if ("t", at) not in self.looks)})


def play(
    stream: list[Event],
    *,
    place: Callable[[int], int] = lambda number: 0,  # noqa: ARG005
    partitions: int = 1,
    ends: set[int] = frozenset(),  # type: ignore[assignment]
    restarts: set[int] = frozenset(),  # type: ignore[assignment]
    instants: int = 1,
) -> bytes:
    """Batches end at `ends`: every partition is read so far, then panes are closed."""
    made, told = new(partitions), Told()
    bounds = [0, *sorted(end + 1 for end in ends | restarts if end + 1 < len(stream)), len(stream)]
    for first, last in pairwise(bounds):
        for partition in range(partitions):
            made.count([stream[n] for n in range(first, last) if place(n) == partition], partition)
        if last - 1 in restarts:
            made.restart()
        told.close(made, instants)
    told.close(made, instants)
    return told.everything(made)


@settings(max_examples=80)
@given(EVENTS, CUTS, CUTS, st.integers(1, 5), st.integers(0, 10**6), st.sampled_from([1, 2, 1000]))
def test_any_split_over_partitions_batches_and_restarts_says_the_same(
    drawn: list[tuple[int, str, bool, float]],
    ends: set[int],
    restarts: set[int],
    partitions: int,
    seed: int,
    instants: int,
) -> None:
    stream = events(drawn)
    split = play(
        stream,
        place=lambda number: hash((number, seed)) % partitions,
        partitions=partitions,
        ends=ends,
        restarts=restarts,
        instants=instants,
    )
    assert split == play(stream, instants=instants)


@settings(max_examples=40)
@given(EVENTS, CUTS, CUTS, st.lists(st.integers(0, 90), min_size=61, max_size=61))
def test_disorder_within_a_partition_says_the_same_in_any_batches(
    drawn: list[tuple[int, str, bool, float]], ends: set[int], restarts: set[int], jitter: list[int]
) -> None:
    """Late events among them: the watermark advances with every event, not with the batch."""
    stream = events(drawn)
    disordered = [
        each for _, each in sorted(enumerate(stream), key=lambda item: item[1].time + jitter[item[0]] * 1_000_000)
    ]
    every_event = set(range(len(stream)))
    assert play(disordered, ends=ends, restarts=restarts) == play(disordered, ends=every_event)


def test_the_property_is_about_something() -> None:
    """A story with signals, looks and notices, so that the comparison above is not one of nothings."""
    drawn = [(10 * n, "W1", True, n % 3) for n in range(36)] + [(500 + 30 * n, "W2", False, 1) for n in range(10)]
    made, told = new(4), Told()
    for number, each in enumerate(events([(at, house, late, float(price)) for at, house, late, price in drawn])):
        made.count([each], number % 4)
        told.close(made, 1)
    assert told.signals
    assert {at: found is not None for (_, at), found in told.looks.items()} == {
        START + 2 * MINUTE: True,
        START + 4 * MINUTE: True,
        START + 5 * MINUTE: True,
        START + 9 * MINUTE: False,
    }
    assert [kind for kind, _, _ in told.notices.values()] == ["recovered"]


def test_plain_addition_would_not_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with sums of floats as they come, three partitions see another total than one."""
    stream = events([(n, "W1", True, 0.1) for n in range(50)] + [(120, "W1", True, 1.0)])

    def sums() -> bytes:
        return play(stream, place=lambda number: number % 3, partitions=3)

    def plain(pane: Pane, value: float) -> None:
        pane.partials = [sum([*pane.partials, value])]

    assert sums() == play(stream)
    monkeypatch.setattr(Pane, "_add", plain)
    assert sums() != play(stream)


def test_a_pack_that_changed_starts_afresh_where_it_must() -> None:
    made = new()
    made.count(events([(30 * n, "W1", True, 1.0) for n in range(20)]))
    made.close()
    changed = pipeline(counts(), counts(name="fresh", pane=2 * MINUTE))
    changed.docs = made.docs
    changed.restart()
    assert changed.combiner.watermark == made.combiner.watermark
    assert set(changed.series) == {"late", "fresh"}
    assert changed.series["late"]["all"].closed_doc() == made.series["late"]["all"].closed_doc()
    assert changed.combiner.closed_until["fresh"] % (2 * MINUTE) == 0
