"""49,999 real order lines through the command line, watched by the retail pack: the embedded broker, and Pulsar."""

from collections.abc import Callable

import pytest

from tests.real_streams import RETAIL, Outcome, Play

pytestmark = [pytest.mark.acceptance, pytest.mark.needs("data")]


@pytest.fixture(scope="module", params=["retail", pytest.param("retail_on_pulsar", marks=pytest.mark.needs("pulsar"))])
def play(request: pytest.FixtureRequest) -> Play:
    found: Play = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def incidents(play: Play) -> list[dict[str, object]]:
    found = play.incidents()
    for incident in found:
        print(incident["opened_at"], incident["signal"], incident["explanation"])
    return found


def _opened(incidents: list[dict[str, object]], since: str, until: str) -> list[dict[str, object]]:
    return [each for each in incidents if since <= str(each["opened_at"]) <= until]


def test_the_spike_of_14_december_is_raised_in_its_morning(incidents: list[dict[str, object]]) -> None:
    assert len(_opened(incidents, "2010-12-14T09:00:00Z", "2010-12-14T13:00:00Z")) == 1


def test_the_spike_of_9_december_is_raised_on_its_day(incidents: list[dict[str, object]]) -> None:
    assert len(_opened(incidents, "2010-12-09T13:00:00Z", "2010-12-09T19:00:00Z")) == 1


def test_there_are_at_most_two_further_incidents(incidents: list[dict[str, object]]) -> None:
    assert len(incidents) <= 4


def test_no_attribute_is_invented_for_14_december(incidents: list[dict[str, object]]) -> None:
    [spike] = _opened(incidents, "2010-12-14T09:00:00Z", "2010-12-14T13:00:00Z")
    assert str(spike["explanation"]).startswith("broad")


def test_a_pack_that_observes_does_nothing_and_says_what_it_would_do(incidents: list[dict[str, object]]) -> None:
    assert incidents
    assert all(not each.get("commands") for each in incidents)
    assert all(each["status"] in ("observed", "open", "recovered_alone") for each in incidents)


def test_every_line_is_counted_and_every_signal_told(play: Play, retail_outcome: Outcome) -> None:
    found = play.outcome()
    print(found)
    assert found == retail_outcome
    assert (found.events, found.late) == (RETAIL.rows, 0)
    assert len(found.signals) <= 8


@pytest.mark.needs("pulsar")
@pytest.mark.parametrize(("partitions", "processes"), [(4, 1), (4, 3)])
def test_partitions_and_processes_change_nothing(
    partitions: int, processes: int, on_pulsar: Callable[..., Play], retail_outcome: Outcome
) -> None:
    play = on_pulsar(RETAIL, partitions)
    play.run(processes)
    assert play.outcome() == retail_outcome
