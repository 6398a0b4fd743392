"""A stream whose clock was wrong at first, or whose history has a gap, goes on once its own events confirm it."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.monitoring import MAX_JUMP, PartitionClock, Readings, Refused
from agents.monitoring import timing as rule
from agents.monitoring.timing import CONFIRMATIONS
from contracts import DAY, HOUR, MINUTE, Event, canonical
from tests.agents.monitoring.builders import START, Pipeline, counts, event, pipeline, run

EPOCH = -START / 1e6
"""1970, in seconds from the start."""
BREAK = 45 * DAY / 1e6


def hourly(partitions: int = 1) -> Pipeline:
    return pipeline(counts(pane=HOUR), partitions=partitions)


def history(begin: float, number: int, first: int = 0) -> list[Event]:
    """So many events a minute apart."""
    return [event(begin + 60 * n, first + n) for n in range(number)]


def codes(refused: list[Refused]) -> list[tuple[int, str]]:
    return [(each.place, each.code) for each in refused]


FIRST_FEW = [(place, "future") for place in range(CONFIRMATIONS)]


def test_a_first_event_of_1970_costs_a_few_events_and_not_the_stream() -> None:
    made = hourly()
    assert made.count([event(EPOCH, 999)]) == []
    assert codes(made.count(history(0, 200))) == FIRST_FEW
    panes = made.close().panes_closed
    assert made.reach.watermark == START + 199 * MINUTE
    assert panes == MAX_JUMP // HOUR + 3, "thirty days behind 1970, not fifty years, and the hours that are over"
    assert made.combiner.watermark is not None
    assert made.combiner.watermark > START


def test_without_confirmation_nothing_is_left_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.setattr(rule, "CONFIRMATIONS", 1 << 30)
    made = hourly()
    made.count([event(EPOCH, 999)])
    assert len(made.count(history(0, 200))) == 200


@pytest.mark.parametrize("size", [1, 7, 500])
def test_a_summers_break_costs_a_few_events(size: int) -> None:
    made = hourly()
    events = history(0, 100) + history(BREAK, 100, first=100)
    found = []
    for begin in range(0, len(events), size):
        found += [(begin + each.place, each.code) for each in made.count(events[begin : begin + size])]
        made.close()
    assert found == [(100 + place, "future") for place in range(CONFIRMATIONS)]
    assert made.late == 0
    assert made.reach.watermark == events[-1].time
    assert made.combiner.watermark is not None
    assert made.combiner.watermark > events[100].time


def test_a_gap_just_within_the_bound_needs_no_confirmation() -> None:
    made = hourly()
    assert made.count([event(0, 1), event(MAX_JUMP / 1e6, 2)]) == []


def test_the_reason_says_what_happens() -> None:
    made = hourly()
    (found,) = made.count([event(0, 1), event(BREAK, 2)])
    assert found.reason == (
        "time: 45 days ahead of the stream (at most 30): a wrong clock, or a gap in a history; the stream goes on"
        " behind a gap after 8 such events in a row, and leaves these out; mend the clock if it is wrong"
    )


def interleaved(burst: int) -> list[Event]:
    """A good stream, and behind each of its events so many of a broken sender's."""
    return [event(n if n % (burst + 1) == 0 else BREAK + n, n) for n in range(100 * (burst + 1))]


@pytest.mark.parametrize("burst", [1, CONFIRMATIONS])
def test_a_broken_sender_among_good_ones_moves_nothing(burst: int) -> None:
    made = hourly()
    assert len(made.count(interleaved(burst))) == 100 * burst
    assert made.reach.gaps == ()
    assert made.clocks[0]["since"] == START


def test_with_fewer_confirmations_it_would_take_the_stream_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.setattr(rule, "CONFIRMATIONS", CONFIRMATIONS - 1)
    made = hourly()
    made.count(interleaved(CONFIRMATIONS))
    assert made.clocks[0]["since"] > START + MAX_JUMP


def test_an_event_in_time_begins_the_count_anew() -> None:
    made = hourly()
    ahead = history(BREAK, 2 * CONFIRMATIONS + 1, first=100)
    batch = [event(0, 1), *ahead[:CONFIRMATIONS], event(1, 2), *ahead[CONFIRMATIONS:]]
    assert len(made.count(batch)) == 2 * CONFIRMATIONS
    assert made.reach.watermark == ahead[-1].time


def test_what_cannot_be_counted_neither_confirms_nor_denies() -> None:
    made = hourly()
    ahead = history(BREAK, CONFIRMATIONS, first=100)
    broken = event(2, 3, order=None), event(BREAK, 4, order=None)
    made.count([event(0, 1), *ahead, *broken])
    assert made.count([event(BREAK, 999)]) == []


def test_what_is_ancient_does_not_hold_a_leap_back() -> None:
    """A sender at 1970 goes on sending while the others come back from their break."""
    made = hourly()
    mixed = [each for n in range(CONFIRMATIONS) for each in (event(BREAK + n, 100 + n), event(EPOCH, 200 + n))]
    made.count([event(0, 1), *mixed])
    assert made.count([event(BREAK, 999)]) == []


def test_wrong_clocks_that_do_not_agree_confirm_nothing() -> None:
    made = hourly()
    apart = [event(BREAK * (1 + n % 2 * 2), 100 + n) for n in range(100)]
    assert len(made.count([event(0, 1), *apart])) == 100
    assert made.reach.watermark == START


def test_one_event_sent_again_and_again_confirms_nothing() -> None:
    made = hourly()
    assert len(made.count([event(0, 1), *[event(BREAK, 2)] * 100])) == 100
    row = [event(BREAK, n) for n in range(3, 2 + CONFIRMATIONS)]
    assert len(made.count([*row, event(BREAK, 2), row[-1]])) == len(row) + 2
    assert made.count([event(BREAK, 999)]) == []


def test_a_partition_that_is_ahead_waits_for_those_before_the_gap() -> None:
    made = hourly(partitions=2)
    made.ended = [False, False]
    made.count([event(0, 1), *history(BREAK, 20, first=10)], 0)
    made.count([event(30, 2)], 1)
    made.close()
    assert made.reach.watermark == START + 30_000_000
    assert made.count(history(DAY / 1e6, 3, first=50), 1) == [], "its own clock goes on as it was"
    assert codes(made.count(history(BREAK, 20, first=60), 1)) == FIRST_FEW
    findings = made.close()
    assert findings.panes_closed <= (MAX_JUMP + 2 * DAY) // HOUR
    assert made.late == 0
    assert made.combiner.watermark is not None
    assert made.combiner.watermark > START + MAX_JUMP


def test_a_partition_is_not_too_old_because_another_was_read_first() -> None:
    """What is ancient to a partition's first event is what lies before everything of the others."""
    made = hourly(partitions=2)
    made.count([event(0, 1), *history(BREAK, 20, first=10)], 0)
    assert codes(made.count([event(-MAX_JUMP / 1e6 - 1, 2), event(-MAX_JUMP / 1e6, 3)], 1)) == [(0, "ancient")]


def test_a_partitions_first_events_are_confirmed_too() -> None:
    """Those of another partition, at 1970, are what they are judged by."""
    made = hourly(partitions=2)
    made.count([event(EPOCH, 999)], 0)
    assert codes(made.count(history(0, 20), 1)) == FIRST_FEW
    assert codes(made.count(history(0, 20, first=50), 0)) == FIRST_FEW
    made.close()
    assert made.combiner.watermark is not None
    assert made.combiner.watermark >= START


def test_the_combiner_stands_behind_the_gap_and_not_thirty_days_into_it() -> None:
    """Whoever reads no further than so far ahead of it would wait for ever."""
    made = hourly()
    made.count([event(0, 1), *history(BREAK, CONFIRMATIONS + 1, first=10)])
    made.close()
    assert made.combiner.watermark == made.reach.watermark
    made.restart()
    assert made.combiner.watermark == made.reach.watermark


def test_a_clock_with_a_row_is_stored_and_an_old_one_is_read() -> None:
    made = hourly()
    made.count([event(0, 1), *history(BREAK, 3, first=10)])
    doc = msgspec.json.decode(msgspec.json.encode(made.clocks[0]))
    clock = PartitionClock.from_doc(doc)
    assert clock.ahead is not None
    assert clock.ahead.identities == tuple(each.hex() for each in Readings.of(history(BREAK, 3, first=10)).identities)
    del doc["ahead"]
    assert PartitionClock.from_doc(doc).ahead is None


def each_from_its_own(events: list[Event], ids: int) -> list[Event]:
    """The same events by other names: as many sources as it takes, each with so many ids."""
    numbers = {number: place for place, number in enumerate(dict.fromkeys(each.id for each in events))}
    return [
        msgspec.structs.replace(each, source=f"/s{numbers[each.id] // ids}", id=str(numbers[each.id] % ids))
        for each in events
    ]


@pytest.mark.parametrize("ids", [1, CONFIRMATIONS - 1])
@pytest.mark.parametrize("size", [1, 500])
def test_sources_that_use_the_same_ids_confirm_a_gap(ids: int, size: int) -> None:
    made, found = hourly(), list[Any]()
    events = each_from_its_own(history(0, 1) + history(BREAK, 100, first=100), ids)
    for begin in range(0, len(events), size):
        found += [(begin + each.place, each.code) for each in made.count(events[begin : begin + size])]
    assert found == [(1 + place, "future") for place in range(CONFIRMATIONS)]


def test_by_their_bare_ids_they_would_all_be_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    made, real = hourly(), Readings.of

    def bare(events: list[Event]) -> Readings:
        found = real(events)
        return replace(found, identities=[each.encode() for each in found.ids])

    monkeypatch.setattr(Readings, "of", bare)
    assert len(made.count(each_from_its_own(history(0, 1) + history(BREAK, 100, first=100), 1))) == 100


def test_one_event_of_one_source_sent_again_confirms_nothing_among_others_with_its_id() -> None:
    made = hourly()
    row = each_from_its_own(history(BREAK, CONFIRMATIONS - 1, first=100), 1)
    assert len(made.count([event(0, 1), *row, *row, *row])) == 3 * len(row)


def test_a_row_of_an_earlier_version_is_read_on() -> None:
    """It holds bare ids."""
    made = hourly()
    made.count([event(0, 1)])
    made.clocks[0]["ahead"] = [START + 45 * DAY, ["e10", "e11"]]
    assert codes(made.count(history(BREAK, 20, first=12))) == FIRST_FEW[:-2]


AGES = (0, 0, 0, 0, 35, 35, 35, 45, 60, 100, -400)
ODD = st.lists(
    st.tuples(st.sampled_from(AGES), st.integers(0, 20), st.integers(0, 25), st.integers(1, 12), st.booleans()),
    min_size=1,
    max_size=12,
)
CUTS = st.sets(st.integers(0, 150), max_size=12)


def odd(drawn: list[tuple[int, int, int, int, bool]]) -> list[Event]:
    """Runs of events of one age each (days, hours), some of them repeated, some not countable."""
    found: list[Event] = []
    for age, hours, first, length, countable in drawn:
        for n in range(length):
            at = (age * DAY + hours * HOUR + n * MINUTE) / 1e6
            found.append(event(at, first + n, order=f"o{first + n}" if countable or n % 2 else None))
    return found


def play(events: list[Event], cuts: set[int], restarts: set[int], now: int | None) -> tuple[bytes, Any]:
    """Everything that came of it, batches ending at the cuts."""
    made, refused = pipeline(counts(pane=6 * HOUR)), list[Any]()
    bounds = [0, *sorted(cut for cut in cuts | restarts if 0 < cut < len(events)), len(events)]
    for first, last in pairwise(bounds):
        found = made.count(events[first:last], now=now)
        refused += [(first + each.place, each.code, each.reason) for each in found]
        if last in restarts:
            made.restart()
        made.close()
    clock = {name: value for name, value in made.clocks[0].items() if name != "gaps"}
    if clock["latest"] is not None:
        made.close(until=made.combiner.flush_time(clock["latest"]))
    return canonical([refused, made.late, clock, made.docs]), clock


@settings(max_examples=200)
@given(ODD, CUTS, CUTS, st.sampled_from([None, START + 36 * DAY]))
def test_any_batches_and_restarts_come_to_the_same(
    drawn: list[tuple[int, int, int, int, bool]], ends: set[int], restarts: set[int], now: int | None
) -> None:
    events = odd(drawn)
    one_by_one = play(events, set(range(len(events))), set(), now)
    assert play(events, ends, restarts, now) == one_by_one
    assert play(events, set(range(0, len(events), 7)), set(), now) == one_by_one


@given(ODD, CUTS, st.integers(1, 9))
def test_what_events_are_called_makes_no_difference(
    drawn: list[tuple[int, int, int, int, bool]], ends: set[int], ids: int
) -> None:
    """As long as source and id together tell them apart."""
    events = odd(drawn)
    made, other = hourly(), hourly()
    bounds = [0, *sorted(cut for cut in ends if 0 < cut < len(events)), len(events)]
    for first, last in pairwise(bounds):
        assert made.count(events[first:last]) == other.count(each_from_its_own(events, ids)[first:last])
    assert made.clocks[0] | {"ahead": None} == other.clocks[0] | {"ahead": None}


def test_the_property_is_about_something() -> None:
    """Rows that are cut in two by a batch, and by a restart, confirm a leap."""
    events = odd([(0, 0, 0, 3, True), (35, 0, 3, 12, True), (100, 0, 15, 12, True)])
    whole, clock = play(events, set(), set(), None)
    assert clock["latest"] == events[-1].time
    assert play(events, {5, 18}, {7, 20}, None) == (whole, clock)


def test_a_row_that_was_not_stored_would_be_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: forgetful documents make the batches' size tell."""
    events = odd([(0, 0, 0, 3, True), (35, 0, 3, 12, True)])
    whole = play(events, set(), set(), None)
    real = PartitionClock.to_doc
    monkeypatch.setattr(PartitionClock, "to_doc", lambda clock: real(clock) | {"ahead": None})
    assert play(events, {5}, set(), None) != whole


def test_a_leap_that_our_own_clock_vouches_for_needs_no_row() -> None:
    made = hourly()
    run(made, event(0, 1))
    back = event(BREAK, 2)
    assert made.count([back], now=back.time) == []
