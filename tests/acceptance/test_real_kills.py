"""A worker that is killed ten times on its way through a real stream on Pulsar leaves the story as it is."""

from collections.abc import Callable

import pytest

from tests.real_streams import MACHINE, RETAIL, Outcome, Play, Source, kill_past

pytestmark = [pytest.mark.acceptance, pytest.mark.needs("data", "pulsar")]
KILLS = 10
HITS_MIN = 8
"""So many must hit a worker that had committed something and had work left."""


@pytest.mark.parametrize(("source", "undisturbed"), [(RETAIL, "retail_outcome"), (MACHINE, "machine_outcome")])
def test_ten_kills_change_nothing(
    source: Source, undisturbed: str, on_pulsar: Callable[..., Play], request: pytest.FixtureRequest
) -> None:
    expected: Outcome = request.getfixturevalue(undisturbed)
    play, ends, hits = on_pulsar(source), (source.rows, expected.decisions), 0
    for number in range(1, KILLS + 1):
        died_at = kill_past(play, ends, number / (KILLS + 1))
        print(f"kill {number} at (events, decisions): {died_at} of {ends}")
        hits += died_at not in (None, ends)
    play.run()
    assert play.outcome() == expected
    assert hits >= HITS_MIN
