"""Nothing depends on where a batch ends, nor on whether the monitor was stored and taken up again in between."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.monitoring import Findings, Monitor, Watch
from contracts import MINUTE, Event, canonical
from ledger.documents import pack_doc, unpack_doc
from tests.agents.monitoring.builders import START, counts, event, monitor, numbers, watched

WATCH = Watch(
    since=START + 3 * MINUTE, panes=2, until=START + 12 * MINUTE,
    looks=tuple(START + minute * MINUTE for minute in (2, 4, 5, 9)),
)  # fmt: skip

EVENTS = st.lists(
    st.tuples(
        st.integers(0, 14 * 60),
        st.sampled_from(["W1", "W2"]),
        st.booleans(),
        st.integers(0, 9),
    ),
    min_size=1,
    max_size=60,
)


def events(drawn: list[tuple[int, str, bool, int]], jitter: int) -> list[Event]:
    """In the order of their time, but for a little disorder."""
    order = sorted(enumerate(drawn), key=lambda item: (item[1][0] + (item[0] % 3) * jitter, item[0]))
    first = event(0, 99, late=False)
    return [first] + [
        event(seconds, number, order=f"o{number % 40}", warehouse=warehouse, late=late, price=price)
        for number, (seconds, warehouse, late, price) in order
    ]


def new() -> Monitor:
    return monitor(
        counts(),
        counts(name="by_house", key="warehouse", lateness=30_000_000),
        numbers("mean"),
        numbers("last", name="last_price"),
        above=2,
    )


class Told:
    """Everything that a monitor brought to light, batch by batch."""

    def __init__(self) -> None:
        self.signals: list[Any] = []
        self.looks: dict[Any, Any] = {}
        self.notices: dict[Any, Any] = {}
        self.numbers = [0, 0]
        self.docs: dict[str, Any] = {}

    def add(self, made: Monitor, findings: Findings) -> None:
        for each in findings.signals:
            self.signals.append((each.signal.to_json(), each.evidence and each.evidence.to_json()))
        for look in findings.looks:
            self.looks.setdefault((look.thread, look.at), look.evidence and look.evidence.to_json())
        for thread, notice in made.notices():
            self.notices.setdefault((thread, notice.ref), (notice.kind, notice.at, dict(notice.body)))
        self.numbers = [self.numbers[0] + findings.late, self.numbers[1] + findings.panes_closed]
        self.docs.update(unpack_doc(pack_doc(made.changed_docs())))

    def everything(self) -> bytes:
        return canonical([self.signals, sorted(map(str, self.looks.items())), sorted(map(str, self.notices.items())),
                          self.numbers, self.docs])  # fmt: skip

    def open_looks(self) -> Watch:
        """What a caller asks for: looks that were answered are not asked for again."""
        return WATCH.model_copy(update={"looks": tuple(at for at in WATCH.looks if ("t", at) not in self.looks)})


def play(stream: list[Event], ends: set[int], restarts: set[int]) -> bytes:
    made, told = new(), Told()
    findings = Findings()
    made.watch([watched(told.open_looks())], findings)
    for place, each in enumerate(stream):
        made.observe(each, findings)
        if place in ends or place in restarts or place == len(stream) - 1:
            told.add(made, findings)
            if place in restarts:
                made = new()
                made.restore(told.docs)
            findings = Findings()
            made.watch([watched(told.open_looks())], findings)
    return told.everything()


@settings(max_examples=60)
@given(EVENTS, st.sampled_from([0, 20, 90]), st.sets(st.integers(0, 60)), st.sets(st.integers(0, 60), max_size=8))
def test_any_batches_and_any_restarts_say_the_same(
    drawn: list[tuple[int, str, bool, int]], jitter: int, ends: set[int], restarts: set[int]
) -> None:
    stream = events(drawn, jitter)
    every_event = set(range(len(stream)))
    assert play(stream, ends, restarts) == play(stream, every_event, set())


def test_the_property_is_about_something() -> None:
    """A story with signals, looks, notices and late events, so that the comparison above is not one of nothings."""
    drawn = [(10 * n, "W1", True, n % 3) for n in range(36)] + [(500 + 30 * n, "W2", False, 1) for n in range(10)]
    stream = events(drawn, 20)
    made, told, findings = new(), Told(), Findings()
    made.watch([watched(WATCH)], findings)
    for each in stream:
        made.observe(each, findings)
        told.add(made, findings)
        findings = Findings()
        made.watch([watched(told.open_looks())], findings)
    assert told.signals
    assert {at: found is not None for (_, at), found in told.looks.items()} == {
        START + 2 * MINUTE: True,
        START + 4 * MINUTE: True,
        START + 5 * MINUTE: True,
        START + 9 * MINUTE: False,
    }
    assert [kind for kind, _, _ in told.notices.values()] == ["recovered"]
    assert told.numbers[0] > 0


def test_a_pack_that_changed_starts_afresh_where_it_must() -> None:
    made, told, findings = new(), Told(), Findings()
    for each in events([(30 * n, "W1", True, 1) for n in range(20)], 0):
        made.observe(each, findings)
    told.add(made, findings)
    changed = monitor(counts(), counts(name="fresh", pane=2 * MINUTE))
    changed.restore(told.docs)
    assert changed.latest == made.latest
    assert set(changed.series) == {"late", "fresh"}
    assert changed.series["late"]["all"].closed_doc() == made.series["late"]["all"].closed_doc()
    assert changed.series["fresh"]["all"].panes == {}
    monitor().restore({})
    monitor().restore({"clock": {"latest": None, "closed_until": {}}})
