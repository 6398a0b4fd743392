"""49,999 real order lines through the command line, into the embedded broker, watched by the retail pack."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "online_retail_2010-12.csv.gz"
MAPPING = ROOT / "scenarios" / "retail" / "online_retail.mapping.yaml"
pytestmark = [pytest.mark.acceptance, pytest.mark.needs("data")]


def _forestall(home: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "forestall", "--home", str(home), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def incidents(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    home = tmp_path_factory.mktemp("real")
    _forestall(home, "emit", str(DATA), "--map", str(MAPPING), "--pack", "retail")
    _forestall(home, "run", "--pack", "retail", "--until-idle")
    found: list[dict[str, object]] = json.loads(_forestall(home, "incidents", "--json"))
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
