"""Panes in event time: what is counted where, what is late, and what is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.monitoring import ALL, EventRefused, Findings, Monitor
from agents.monitoring.monitor import CLOCKS_AGREE, MAX_AGE, MAX_JUMP, MAX_KEYS
from contracts import DAY, MINUTE, Event, EventType, StreamSpec
from tests.agents.monitoring.builders import START, counts, event, monitor, numbers, pack, run

Values = list[tuple[int, float | None]]


def values(made: Any, measure: str = "late", key: str = ALL) -> Values:
    """(minute, value) of the judged panes."""
    return [((each.start - START) // MINUTE, each.value) for each in made.series[measure][key].recent[measure]]


def test_units_are_counted_once_in_the_pane_of_their_event_time() -> None:
    made = monitor()
    run(made, event(0, 1), event(59, 1), event(59.9, 2), event(60, 1), event(130, 3), event(180, 4))
    assert values(made) == [(0, 2.0), (1, 1.0), (2, 1.0)]


def test_empty_panes_of_a_count_are_zero() -> None:
    made = monitor()
    run(made, event(0, 1), event(200, 2))
    assert values(made) == [(0, 1.0), (1, 0.0), (2, 0.0)]


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [("sum", 12.0), ("mean", 4.0), ("min", 2.0), ("max", 7.0), ("last", 3.0), ("count", 3.0)],
)
def test_numbers_are_aggregated(aggregate: str, expected: float) -> None:
    made = monitor(numbers(aggregate))
    run(made, event(30, 1, price="7"), event(10, 2, price=2), event(40, 3, price=3.0), event(121, 4))
    assert values(made, "price") == [(0, expected), (1, 0.0 if aggregate == "count" else None)]


@given(st.permutations([(10, 1.0), (20, 2.0), (20, 3.0), (30, 4.0)]))
def test_the_last_value_does_not_depend_on_the_order_of_arrival(order: list[tuple[int, float]]) -> None:
    made = monitor(numbers("last"))
    # Equal times are told apart by the event's id.
    run(made, *(event(at, int(price), price=price) for at, price in order if at < 30), event(61, 9))
    assert values(made, "price") == [(0, 3.0)]


def test_where_keeps_and_leaves_out() -> None:
    made = monitor(counts(where=({"field": "late", "one_of": (True, "yes")}, {"field": "warehouse", "prefix": "W"})))
    run(made, event(1, 1), event(2, 2, late="yes"), event(3, 3, late=False), event(4, 4, warehouse="X"),
        event(5, 5, warehouse=None), event(6, 6, warehouse=...), event(61, 7))  # fmt: skip
    assert values(made) == [(0, 2.0)]


def test_a_key_makes_a_series_a_value() -> None:
    made = monitor(counts(key="warehouse"))
    run(made, event(1, 1), event(2, 2, warehouse="W2"), event(3, 3), event(61, 4), event(121, 5))
    assert values(made, key="W1") == [(0, 2.0), (1, 1.0)]
    assert values(made, key="W2") == [(0, 1.0), (1, 0.0)]


def test_lateness_keeps_a_pane_open() -> None:
    made = monitor(counts(lateness=MINUTE))
    findings = run(made, event(0, 1), event(119, 2), event(30, 3), event(120, 4), event(31, 5))
    assert values(made) == [(0, 2.0)]
    assert findings.late == 1


def test_the_watermark_advances_with_every_event() -> None:
    """Not with the batch: the event that comes after the one that closed its pane is late, in the same batch too."""
    made = monitor()
    findings = run(made, event(0, 1), event(60, 2), event(59, 3))
    assert (findings.late, findings.panes_closed) == (1, 1)
    assert values(made) == [(0, 1.0)]


def test_a_wrong_clock_cannot_move_the_watermark() -> None:
    made = monitor()
    run(made, event(0, 1))
    with pytest.raises(EventRefused, match="30 days ahead of the stream") as refused:
        made.check(event(MAX_JUMP / 1e6 + 1, 2))
    assert refused.value.code == "future"
    made.check(event(MAX_JUMP / 1e6, 3))
    assert made.latest == START


def test_a_stream_that_was_silent_for_long_goes_on() -> None:
    made = monitor()
    run(made, event(0, 1))
    back = event(MAX_JUMP / 1e6 + 1, 2)
    made.check(back, now=back.time + CLOCKS_AGREE)
    for now in (back.time + CLOCKS_AGREE + 1, back.time - CLOCKS_AGREE - 1):
        with pytest.raises(EventRefused):
            made.check(back, now=now)


def test_a_silence_of_ages_is_not_judged_pane_by_pane() -> None:
    """Two thousand years are a thousand million minutes; thirty days of them say as much."""
    made, back = monitor(), 2000 * 365 * DAY // MINUTE
    findings = run(made, event(0, 1), event(30, 2))
    made.observe(event(back * 60, 3), findings)
    assert findings.panes_closed == MAX_JUMP // MINUTE
    run(made, event(back * 60 + 60, 4))
    assert values(made)[-2:] == [(MAX_JUMP // MINUTE - 1, 0.0), (back, 1.0)]
    restored = monitor()
    restored.restore(made.changed_docs())
    assert values(restored) == values(made)


def test_ancient_events_are_refused() -> None:
    made = monitor()
    run(made, event(0, 1))
    with pytest.raises(EventRefused, match="30 days behind the stream") as refused:
        made.check(event(-MAX_AGE / 1e6 - 1, 2))
    assert refused.value.code == "ancient"
    findings = run(made, event(-MAX_AGE / 1e6, 3))
    assert findings.late == 1


@pytest.mark.parametrize(
    ("measure", "data", "message"),
    [
        (counts(key="warehouse"), {"warehouse": ...}, r"data.warehouse: missing \(key\); measure late needs it"),
        (counts(key="warehouse"), {"warehouse": ""}, r"data.warehouse: missing \(key\)"),
        (counts(), {"order": None}, r"data.order: missing \(unit\)"),
        (numbers("sum"), {"price": ...}, r"data.price: missing \(field\)"),
        (numbers("sum"), {"price": "dear"}, "data.price: 'dear' is no finite number"),
        (numbers("sum"), {"price": "nan"}, "data.price: 'nan' is no finite number"),
        (numbers("sum"), {"price": True}, "data.price: True is no finite number"),
        (numbers("sum"), {"price": [1]}, "is no finite number"),
    ],
)
def test_what_cannot_be_counted_is_refused(measure: Any, data: dict[str, Any], message: str) -> None:
    with pytest.raises(EventRefused, match=message) as refused:
        monitor(measure).check(event(0, 1, **data))
    assert refused.value.code == "missing_key"


def test_what_a_measure_leaves_out_needs_nothing() -> None:
    monitor().check(event(0, 1, late=False, order=...))
    other = Event(id="1", source="/", type="other", time=START, data={})
    monitor(others=("other",)).check(other)


def test_too_many_keys_are_counted() -> None:
    made = monitor(counts(key="warehouse", dimensions=()))
    findings = run(made, *(event(number / 1000, number, warehouse=f"W{number}") for number in range(MAX_KEYS + 2)))
    assert (len(made.series["late"]), findings.keys_refused) == (MAX_KEYS, 2)


def test_an_idle_stream_moves_on_and_never_back() -> None:
    made, findings = monitor(), Findings()
    made.advance(START + 10 * MINUTE, findings)
    assert (findings.panes_closed, made.flush_time()) == (0, None), "before the first event there is nothing to close"
    run(made, event(10, 1))
    assert made.flush_time() == START + MINUTE
    made.advance(START + MINUTE, findings)
    made.advance(START, findings)
    assert (values(made), made.latest) == ([(0, 1.0)], START + MINUTE)


def test_the_flush_closes_the_slowest_measure() -> None:
    slow = counts(name="slow", pane=5 * MINUTE, lateness=2 * MINUTE)
    made, findings = monitor(counts(), slow), Findings()
    run(made, event(10, 1))
    to = made.flush_time()
    assert to is not None
    made.advance(to, findings)
    assert [value for _, value in values(made, "slow")] == [1.0]


def test_a_stream_that_nothing_measures_ends_too() -> None:
    both = pack(counts(of=("order", "other")), others=("other",))
    made = Monitor(both, StreamSpec(topic="orders", types=(EventType(type="order"),)), "default")
    run(made, event(0, 1))
    assert made.flush_time() is None


def test_a_signal_says_what_when_and_where() -> None:
    made = monitor(counts(key="warehouse"))
    findings = run(made, *(event(60 + n, n) for n in range(4)), event(120, 9))
    (raised,) = findings.signals
    signal = raised.signal
    assert (signal.measure, signal.key, signal.pattern, signal.observed) == ("late", "W1", "threshold", 4.0)
    assert (signal.onset, signal.noticed_at) == (START + MINUTE, START + 2 * MINUTE)
    assert raised.opens_incident is True
    assert raised.evidence is not None
    assert raised.evidence.window.units == 4


def test_days_of_silence_are_closed_pane_by_pane() -> None:
    made = monitor(counts(pane=60 * MINUTE))
    findings = run(made, event(0, 1), event(2 * DAY / 1e6, 2))
    assert findings.panes_closed == 48
