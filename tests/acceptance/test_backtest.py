"""The real order lines by `forestall backtest`: what `emit` and `run --until-idle` find, it finds as well."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.real_streams import Play

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
RETAIL = DATA / "online_retail_2010-12.csv.gz"
MAPPING = ROOT / "scenarios" / "retail" / "online_retail.mapping.yaml"
SCORE = ("observed", "expected", "score")
SAME = ("id", "opened_at", "closed_at", "status", "reason", "explanation", "verdict", "causes")
pytestmark = [pytest.mark.acceptance, pytest.mark.needs("data")]


def _forestall(*arguments: str) -> str:
    command = [sys.executable, "-m", "forestall", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("backtest") / "page.html"


@pytest.fixture(scope="module")
def played(page: Path) -> dict[str, Any]:
    told = _forestall(
        "backtest", "retail", "--from", str(RETAIL), "--map", str(MAPPING), "--json", "--html", str(page)
    )  # fmt: skip
    found: dict[str, Any] = json.loads(told)
    print(json.dumps({**found["counts"], **found["wall"]}))
    return found


def _same(played: list[dict[str, Any]], ran: list[dict[str, Any]]) -> None:
    assert ran
    assert [[each[name] for name in SAME] for each in played] == [[each[name] for name in SAME] for each in ran]
    assert [[each["signal"][name] for name in SCORE] for each in played] == [
        [each["signal"][name] for name in SCORE] for each in ran
    ]


def test_it_finds_what_emit_and_run_find(played: dict[str, Any], retail: Play) -> None:
    _same(played["incidents"], retail.incidents())


@pytest.mark.needs("pulsar")
def test_the_history_of_a_pulsar_topic_gives_the_same(played: dict[str, Any], retail_on_pulsar: Play) -> None:
    found = json.loads(retail_on_pulsar.forestall("backtest", "retail", "--from", "topic", "--json"))
    _same(found["incidents"], retail_on_pulsar.incidents())
    assert found["counts"] == played["counts"]


def test_the_two_spikes_are_found_and_the_second_is_broad(played: dict[str, Any]) -> None:
    opened = {each["opened_at"]: each for each in played["incidents"]}
    [spike] = [each for at, each in opened.items() if "2010-12-14T09:00:00Z" <= at <= "2010-12-14T13:00:00Z"]
    assert (spike["kind"], spike["explanation"][:5]) == ("broad", "broad")
    assert any("2010-12-09T13:00:00Z" <= at <= "2010-12-09T19:00:00Z" for at in opened)
    assert len(opened) <= 4


def test_every_line_is_counted_and_every_pane_recorded(played: dict[str, Any], page: Path) -> None:
    assert played["counts"]["events"] == played["rows"]["read"] == 49_999
    assert played["dead_letters"]["total"] == played["counts"]["late"] == 0
    [series] = played["series"]
    assert (series["panes"], series["missed"]) == (played["counts"]["panes"], 0)
    assert page.stat().st_size < 1_000_000
