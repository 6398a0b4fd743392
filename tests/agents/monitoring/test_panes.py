"""Panes in event time: what is counted where, what is late, and what is refused."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.monitoring import ALL, MAX_JUMP
from agents.monitoring.counter import MAX_KEYS
from agents.monitoring.timing import CLOCKS_AGREE, MAX_AGE
from contracts import DAY, MINUTE, Event, EventType, StreamSpec
from tests.agents.monitoring.builders import START, Pipeline, counts, event, numbers, pack, pipeline, refusal, run

Values = list[tuple[int, float | None]]


@pytest.fixture(params=[1, 4])
def partitions(request: pytest.FixtureRequest) -> int:
    """So many partitions make no difference."""
    found: int = request.param
    return found


def values(made: Any, measure: str = "late", key: str = ALL) -> Values:
    """(minute, value) of the judged panes."""
    return [((each.start - START) // MINUTE, each.value) for each in made.series[measure][key].recent[measure]]


def test_units_are_counted_once_in_the_pane_of_their_event_time(partitions: int) -> None:
    made = pipeline(partitions=partitions)
    run(made, event(0, 1), event(59, 1), event(59.9, 2), event(60, 1), event(130, 3), event(180, 4))
    assert values(made) == [(0, 2.0), (1, 1.0), (2, 1.0)]


def test_empty_panes_of_a_count_are_zero(partitions: int) -> None:
    made = pipeline(partitions=partitions)
    run(made, event(0, 1), event(200, 2))
    assert values(made) == [(0, 1.0), (1, 0.0), (2, 0.0)]


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [("sum", 12.0), ("mean", 4.0), ("min", 2.0), ("max", 7.0), ("last", 3.0), ("count", 3.0)],
)
def test_numbers_are_aggregated(aggregate: str, expected: float, partitions: int) -> None:
    made = pipeline(numbers(aggregate), partitions=partitions)
    run(made, event(30, 1, price="7"), event(10, 2, price=2), event(40, 3, price=3.0), event(121, 4))
    assert values(made, "price") == [(0, expected), (1, 0.0 if aggregate == "count" else None)]


@given(st.permutations([(10, 1.0), (20, 2.0), (20, 3.0), (30, 4.0)]))
def test_the_last_value_does_not_depend_on_the_order_of_arrival(order: list[tuple[int, float]]) -> None:
    made = pipeline(numbers("last"))
    # Equal times are told apart by the event's id.
    run(made, *(event(at, int(price), price=price) for at, price in order if at < 30), event(61, 9))
    assert values(made, "price") == [(0, 3.0)]


@given(st.permutations([1.0, 2.0, 3.0]), st.booleans())
def test_nor_on_which_of_two_sources_with_the_same_id_came_last(order: list[float], one_batch: bool) -> None:
    made = pipeline(numbers("last"), partitions=1 if one_batch else 3)
    same = [msgspec.structs.replace(event(20, 1, price=price), source=f"/{price}") for price in order]
    if one_batch:
        made.count(same)
    run(made, *([] if one_batch else same), event(61, 9))
    assert values(made, "price") == [(0, 3.0)]


def test_where_keeps_and_leaves_out(partitions: int) -> None:
    made = pipeline(
        counts(where=({"field": "late", "one_of": (True, "yes")}, {"field": "warehouse", "prefix": "W"})),
        partitions=partitions,
    )
    run(made, event(1, 1), event(2, 2, late="yes"), event(3, 3, late=False), event(4, 4, warehouse="X"),
        event(5, 5, warehouse=None), event(6, 6, warehouse=...), event(61, 7))  # fmt: skip
    assert values(made) == [(0, 2.0)]


def test_a_key_makes_a_series_a_value(partitions: int) -> None:
    made = pipeline(counts(key="warehouse"), partitions=partitions)
    run(made, event(1, 1), event(2, 2, warehouse="W2"), event(3, 3), event(61, 4), event(121, 5))
    assert values(made, key="W1") == [(0, 2.0), (1, 1.0)]
    assert values(made, key="W2") == [(0, 1.0), (1, 0.0)]


def test_lateness_keeps_a_pane_open(partitions: int) -> None:
    made = pipeline(counts(lateness=MINUTE), partitions=partitions)
    findings = run(made, event(0, 1), event(119, 2), event(30, 3), event(120, 4), event(31, 5))
    assert values(made) == [(0, 2.0)]
    assert findings.late == 1


def test_the_watermark_advances_with_every_event(partitions: int) -> None:
    """Not with the batch: the event that comes after the one that closed its pane is late, in the same batch too."""
    made = pipeline(partitions=partitions)
    findings = run(made, event(0, 1), event(60, 2), event(59, 3))
    assert (findings.late, findings.panes_closed) == (1, 1)
    assert values(made) == [(0, 1.0)]


def test_a_wrong_clock_cannot_move_the_watermark(partitions: int) -> None:
    made = pipeline(partitions=partitions)
    run(made, event(0, 1))
    code, reason = refusal(made, event(MAX_JUMP / 1e6 + 1, 2)) or ("", "")
    assert code == "future"
    assert "30 days ahead of the stream" in reason
    assert made.reach.watermark == START
    assert refusal(made, event(MAX_JUMP / 1e6, 3)) is None


def test_a_wrong_clock_in_another_partition_cannot_either() -> None:
    """Its partition's very first event is judged by the other partitions."""
    made = pipeline(partitions=4)
    run(made, event(0, 1))
    found = made.count([event(MAX_JUMP / 1e6 + 1, 2)], 3)
    assert [each.code for each in found] == ["future"]
    assert made.reach.watermark == START


def test_a_stream_that_was_silent_for_long_goes_on() -> None:
    back = event(MAX_JUMP / 1e6 + 1, 2)
    for now, goes_on in (
        (back.time + CLOCKS_AGREE, True),
        (back.time + CLOCKS_AGREE + 1, False),
        (back.time - CLOCKS_AGREE - 1, False),
    ):
        made = pipeline()
        run(made, event(0, 1))
        assert (refusal(made, back, now) is None) is goes_on


def test_a_silence_of_ages_is_not_judged_pane_by_pane(partitions: int) -> None:
    """Two thousand years are a thousand million minutes; thirty days of them say as much."""
    made, back = pipeline(partitions=partitions), 2000 * 365 * DAY // MINUTE
    run(made, event(0, 1), event(30, 2))
    findings = run(made, event(back * 60, 3), now=START + back * MINUTE)
    assert findings.panes_closed == MAX_JUMP // MINUTE
    run(made, event(back * 60 + 60, 4))
    assert values(made)[-2:] == [(MAX_JUMP // MINUTE - 1, 0.0), (back, 1.0)]
    before = values(made)
    made.restart()
    assert values(made) == before


def test_a_silence_is_one_only_where_all_partitions_are_silent() -> None:
    made = pipeline(partitions=2)
    minutes = MAX_JUMP // MINUTE
    made.count([event(0, 1)], 0)
    made.count([event(60 * minute, minute + 10) for minute in range(0, 2 * minutes, minutes // 2)], 1)
    back = START + 2 * minutes * MINUTE
    assert made.count([event(120 * minutes, 2)], 0, now=back) == []
    assert made.close().panes_closed == 2 * minutes
    assert made.reach.gaps == ()


def test_ancient_events_are_refused() -> None:
    made = pipeline()
    run(made, event(0, 1))
    code, reason = refusal(made, event(-MAX_AGE / 1e6 - 1, 2)) or ("", "")
    assert code == "ancient"
    assert "30 days behind the stream" in reason
    assert refusal(made, event(-MAX_AGE / 1e6, 3)) is None
    assert made.late == 1


@pytest.mark.parametrize(
    ("measure", "data", "message"),
    [
        (counts(key="warehouse"), {"warehouse": ...}, "data.warehouse: missing (key); measure late needs it"),
        (counts(key="warehouse"), {"warehouse": ""}, "data.warehouse: missing (key)"),
        (counts(), {"order": None}, "data.order: missing (unit)"),
        (numbers("sum"), {"price": ...}, "data.price: missing (field)"),
        (numbers("sum"), {"price": "dear"}, "data.price: 'dear' is no finite number"),
        (numbers("sum"), {"price": "nan"}, "data.price: 'nan' is no finite number"),
        (numbers("sum"), {"price": "1e301"}, "data.price: '1e301' is no finite number"),
        (numbers("sum"), {"price": 1e61}, "data.price: 1e+61 is no finite number of at most 1e+60"),
        (numbers("sum"), {"price": "9" * 10_000}, "999... is no finite number"),
        (numbers("sum"), {"price": True}, "data.price: True is no finite number"),
        (numbers("sum"), {"price": [1]}, "is no finite number"),
    ],
)
def test_what_cannot_be_counted_is_refused(measure: Any, data: dict[str, Any], message: str) -> None:
    made = pipeline(measure)
    code, reason = refusal(made, event(0, 1, **data)) or ("", "")
    assert code == "missing_key"
    assert message in reason
    assert made.reach.watermark is None, "what is refused moves no clock"


def test_one_that_is_refused_harms_no_other_of_its_batch() -> None:
    made = pipeline()
    batch = [event(0, 1), event(5, 2, order=None), event(10, 3), event(MAX_JUMP / 1e6 + 99, 4), event(61, 5)]
    assert [(each.place, each.code) for each in made.count(batch)] == [(1, "missing_key"), (3, "future")]
    made.close()
    assert values(made) == [(0, 2.0)]
    assert [(each.place, each.code) for each in made.count(batch[1:4])] == [(0, "missing_key"), (2, "future")]


def test_what_a_measure_leaves_out_needs_nothing() -> None:
    assert refusal(pipeline(), event(0, 1, late=False, order=...)) is None
    other = Event(id="1", source="/", type="other", time=START, data={})
    assert refusal(pipeline(others=("other",)), other) is None


def test_too_many_keys_are_counted(partitions: int) -> None:
    made = pipeline(counts(key="warehouse", dimensions=()), partitions=partitions)
    findings = run(made, *(event(number / 1000, number, warehouse=f"W{number}") for number in range(MAX_KEYS + 2)))
    made.close(findings, until=START + MINUTE)
    assert (len(made.series["late"]), findings.keys_refused) == (MAX_KEYS, 2)


def test_an_idle_stream_moves_on_and_never_back() -> None:
    made = pipeline()
    assert made.reach.watermark is None, "before the first event there is nothing to close"
    run(made, event(10, 1))
    assert made.combiner.flush_time(START + 10_000_000) == START + MINUTE
    made.close(until=START + MINUTE)
    made.close(until=START)
    assert (values(made), made.combiner.watermark) == ([(0, 1.0)], START + MINUTE)
    assert run(made, event(20, 2)).late == 1


def test_the_flush_closes_the_slowest_measure(partitions: int) -> None:
    slow = counts(name="slow", pane=5 * MINUTE, lateness=2 * MINUTE)
    made = pipeline(counts(), slow, partitions=partitions)
    run(made, event(10, 1))
    made.close(until=made.combiner.flush_time(START + 10_000_000))
    assert [value for _, value in values(made, "slow")] == [1.0]


def test_an_open_partition_holds_the_others_back() -> None:
    made = pipeline(partitions=2)
    made.ended = [False, False]
    made.count([event(0, 1), event(300, 2)], 0)
    assert made.close().panes_closed == 0, "nobody knows what the other has"
    made.count([event(30, 3), event(90, 4)], 1)
    made.close()
    assert values(made) == [(0, 2.0)]
    made.ended = [False, True]
    made.close()
    assert values(made) == [(0, 2.0), (1, 1.0), (2, 0.0), (3, 0.0), (4, 0.0)]


def test_an_idle_partition_that_comes_back_is_late_where_it_must_be() -> None:
    made = pipeline(partitions=2)
    run(made, event(0, 1), event(10, 2))
    made.ended = [False, True]
    made.count([event(200, 3)], 0)
    made.close()
    made.ended = [False, False]
    assert made.count([event(20, 4), event(190, 5)], 1) == []
    assert made.late == 1
    made.count([event(250, 6)], 1)
    made.count([event(250, 7)], 0)
    made.close()
    assert values(made) == [(0, 2.0), (1, 0.0), (2, 0.0), (3, 2.0)]


def test_a_stream_that_nothing_measures_has_nothing_to_close() -> None:
    both = pack(counts(of=("order", "other")), others=("other",))
    made = Pipeline(both, StreamSpec(topic="orders", types=(EventType(type="order"),)))
    assert made.counter.measures == ()
    run(made, event(0, 1), event(500, 2))
    assert made.combiner.next_instant(made.reach) is None


def test_a_signal_says_what_when_and_where(partitions: int) -> None:
    made = pipeline(counts(key="warehouse"), partitions=partitions)
    findings = run(made, *(event(60 + n, n) for n in range(4)), event(120, 9))
    (raised,) = findings.signals
    signal = raised.signal
    assert (signal.measure, signal.key, signal.pattern, signal.observed) == ("late", "W1", "threshold", 4.0)
    assert (signal.onset, signal.noticed_at) == (START + MINUTE, START + 2 * MINUTE)
    assert raised.opens_incident is True
    assert raised.evidence is not None
    assert raised.evidence.window.units == 4


def test_days_of_silence_are_closed_pane_by_pane(partitions: int) -> None:
    made = pipeline(counts(pane=60 * MINUTE), partitions=partitions)
    findings = run(made, event(0, 1), event(2 * DAY / 1e6, 2))
    assert findings.panes_closed == 48
