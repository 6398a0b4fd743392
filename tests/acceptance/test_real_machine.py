"""22,695 real temperatures as JSON rows on a topic, mapped by a small pack. What it finds is told, and not tuned."""

from collections.abc import Callable

import pytest

from contracts import from_iso
from tests.real_streams import MACHINE, Outcome, Play

pytestmark = [pytest.mark.acceptance, pytest.mark.needs("data")]
WINDOWS = [
    (from_iso(f"{begin}:00Z"), from_iso(f"{end}:00Z"))
    for begin, end in (
        ("2013-12-10T06:25", "2013-12-12T05:35"),
        ("2013-12-15T17:50", "2013-12-17T17:00"),
        ("2014-01-27T14:20", "2014-01-29T13:30"),
        ("2014-02-07T14:55", "2014-02-09T14:05"),
    )
]
LATE = 11
"""The file steps back an hour: the panes of what comes again are closed by then, but the last one."""


def test_labelled_windows_and_false_signals(machine_outcome: Outcome) -> None:
    noticed = [signal[1] for signal in machine_outcome.signals]
    hits = [sum(begin <= at <= end for at in noticed) for begin, end in WINDOWS]
    false = len(noticed) - sum(hits)
    print(
        f"\nmachine: {sum(map(bool, hits))} of {len(WINDOWS)} labelled windows hit (signals in each: {hits});"
        f" {false} signals outside, {false / MACHINE.rows * 10_000:.1f} per 10,000 readings;"
        f" {len(machine_outcome.incidents)} incidents; digest {machine_outcome.digest}"
    )
    assert machine_outcome.events == MACHINE.rows
    assert machine_outcome.late == LATE
    assert noticed


@pytest.mark.needs("pulsar")
def test_pulsar_gives_the_same(on_pulsar: Callable[..., Play], machine_outcome: Outcome) -> None:
    play = on_pulsar(MACHINE)
    play.run()
    assert play.outcome() == machine_outcome
