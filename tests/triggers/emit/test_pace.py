"""In proportion to event time: in virtual time."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import DAY, HOUR, MINUTE, SECOND
from triggers.brokers import Outgoing
from triggers.emit import BadRow, Pace
from triggers.emit.pace import MIN_SLEEP_S
from triggers.emit.prepare import Ready

START = 1_000 * DAY


class Virtual:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> int:
        return self.time

    async def pause(self, seconds: float) -> None:
        assert seconds > 0
        self.time += round(seconds * SECOND)


def rows(times: Sequence[int | None]) -> list[Ready | BadRow]:
    return [
        BadRow(line, None, None, "bad") if time is None else Ready(line, Outgoing(b""), time)
        for line, time in enumerate(times)
    ]


async def played(speed: float | None, times: Sequence[int | None], batch: int = 1000) -> list[int]:
    """When each row was published, since the beginning."""
    clock = Virtual()
    pace = Pace(speed, clock, clock.pause)
    found: list[int] = []
    given_rows = rows(times)
    for begin in range(0, len(given_rows), batch):
        todo = given_rows[begin : begin + batch]
        while todo:
            due = await pace.due(todo)
            assert due > 0
            found += [clock.now() - START] * due
            todo = todo[due:]
    return found


async def test_an_hour_takes_a_minute_at_60x() -> None:
    assert await played(60, [0, 30 * MINUTE, HOUR]) == [0, 30 * SECOND, MINUTE]


async def test_a_second_takes_two_at_half_the_speed() -> None:
    assert await played(0.5, [7, 7 + SECOND]) == [0, 2 * SECOND]


async def test_max_waits_for_nothing() -> None:
    assert await played(None, [0, 400 * DAY, 1]) == [0, 0, 0]


async def test_what_is_late_or_bad_goes_with_what_came_before() -> None:
    assert await played(1, [None, 0, MINUTE, None, 30 * SECOND, 2 * MINUTE]) == [
        0, 0, MINUTE, MINUTE, MINUTE, 2 * MINUTE,
    ]  # fmt: skip


async def test_a_leap_is_not_waited_for() -> None:
    assert await played(1, [0, SECOND, 400 * DAY, 400 * DAY + SECOND]) == [0, SECOND, SECOND, 2 * SECOND]


@given(
    st.lists(st.none() | st.integers(0, 10 * HOUR), max_size=30),
    st.sampled_from([0.5, 1.0, 60.0, 7200.0]),
    st.integers(1, 7),
)
@pytest.mark.asyncio
async def test_nothing_is_early_nor_much_too_late(times: list[int | None], speed: float, batch: int) -> None:
    published = await played(speed, times, batch)
    assert len(published) == len(times)
    known = [time for time in times if time is not None]
    front = None
    for time, at in zip(times, published, strict=True):
        if time is not None:
            front = time if front is None else max(front, time)
        due = 0 if front is None else round((front - known[0]) / speed)
        assert due - 1 <= at <= due + MIN_SLEEP_S * SECOND + 1
