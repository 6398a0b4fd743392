"""Virtual time in a backtest: it follows the events, believes no lone wrong clock, and passes gaps."""

import asyncio
from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from contracts import DAY, HOUR, MINUTE, Measure
from forestall.backtest.pace import Pace, Stretch, closing, strides
from forestall.backtest.recorded import Recorded

PANE = 15 * MINUTE
MEASURE = Measure(name="orders", title="Orders", of=("order.placed",), pane="15m")
START = 1_700_000_000_000_000 // PANE * PANE


def _at(time: int | None) -> Recorded:
    return Recorded("orders", b"", None, time)


def _stretches(times: list[int | None], beyond: int = 0) -> list[Stretch]:
    async def batches() -> AsyncIterator[list[Recorded]]:
        for start in range(0, len(times), 7):
            yield [_at(time) for time in times[start : start + 7]]

    async def collected() -> list[Stretch]:
        return [stretch async for stretch in Pace(closing((MEASURE,)), beyond).stretches(batches())]

    return asyncio.run(collected())


def _times(stretch: Stretch) -> list[int | None]:
    return [each.time for each in stretch.messages]


def test_a_stretch_ends_with_the_event_that_ends_a_pane_and_the_clock_stands_there() -> None:
    inside, crossing = START + 5 * MINUTE, START + 16 * MINUTE
    first, rest = _stretches([START, inside, crossing, crossing + 1])
    assert (_times(first), first.now) == ([START, inside, crossing], crossing)
    assert (_times(rest), rest.now) == ([crossing + 1], crossing + 1)


def test_what_lies_before_a_gap_is_played_before_time_passes() -> None:
    before, after = _stretches([START, START + 2 * HOUR])
    assert (_times(before), before.now, before.after_gap) == ([START], START, False)
    assert (_times(after), after.now, after.after_gap) == ([START + 2 * HOUR], START + 2 * HOUR, True)


def test_a_lone_wrong_clock_does_not_move_time() -> None:
    times: list[int | None] = [START, START + 300 * DAY, *(START + MINUTE * number for number in range(1, 12))]
    assert all(stretch.now < START + HOUR for stretch in _stretches(times))


def test_a_wrong_clock_at_the_very_beginning_does_not_start_time() -> None:
    times: list[int | None] = [START + 300 * DAY, *(START + MINUTE * number for number in range(12))]
    assert all(stretch.now < START + HOUR for stretch in _stretches(times))


def test_a_gap_that_the_events_behind_it_agree_on_is_believed() -> None:
    times: list[int | None] = [START, *(START + 100 * DAY + number for number in range(5))]
    assert _stretches(times)[-1].now == START + 100 * DAY + 4


def test_a_lone_event_in_a_gap_is_believed() -> None:
    times: list[int | None] = [START, START + 6 * HOUR, *(START + 12 * HOUR + number for number in range(9))]
    assert START + 6 * HOUR in [stretch.now for stretch in _stretches(times)]


def test_the_last_event_of_all_jumps_no_further_than_the_intake_believes() -> None:
    assert _stretches([START, START + 29 * DAY])[-1].now == START + 29 * DAY
    assert _stretches([START, START + 31 * DAY])[-1].now == START


def test_what_is_no_event_is_played_where_it_came() -> None:
    [only] = _stretches([None, START, None, START + 1])
    assert _times(only) == [None, START, None, START + 1]


def test_panes_close_late_where_lateness_is_allowed() -> None:
    late = Measure(name="late", title="Late", of=("order.placed",), pane="1h", lateness="10m")
    close = closing((MEASURE, late))
    hour = START // HOUR * HOUR
    assert close(hour) == hour + 10 * MINUTE
    assert close(hour + 10 * MINUTE) == hour + 15 * MINUTE


def test_the_clock_strides_by_panes_and_further_while_no_timer_is_near() -> None:
    quick = Measure(name="quick", title="Quick", of=("order.placed",), pane="1s")
    slow = Measure(name="slow", title="Slow", of=("order.placed",), pane="1d")
    assert strides((quick,)) == (MINUTE, MINUTE)
    assert strides((MEASURE,)) == (PANE, 3 * PANE)
    assert strides((slow,)) == (DAY, DAY)


def test_a_longer_stride_ends_with_a_pane_too() -> None:
    times: list[int | None] = [START + MINUTE * number for number in range(0, 120, 2)]
    stretches = _stretches(times, beyond=30 * MINUTE)
    assert [stretch.now - START for stretch in stretches[:2]] == [46 * MINUTE, 90 * MINUTE]


@given(
    st.lists(st.one_of(st.none(), st.integers(0, 3 * DAY).map(lambda offset: START + offset)), min_size=1, max_size=60)
)
def test_nothing_is_lost_and_time_never_goes_back(times: list[int | None]) -> None:
    stretches = _stretches(times)
    played = [time for stretch in stretches for time in _times(stretch)]
    assert played == times
    clocks = [stretch.now for stretch in stretches]
    assert clocks == sorted(clocks)


@given(st.lists(st.integers(0, DAY), min_size=1, max_size=60))
def test_no_event_of_an_ordered_history_lies_ahead_of_the_clock_or_two_panes_behind(offsets: list[int]) -> None:
    for stretch in _stretches([START + offset for offset in sorted(offsets)]):
        times = [time for time in _times(stretch) if time is not None]
        assert max(times) == stretch.now
        assert stretch.now - min(times) < 2 * PANE + PANE
