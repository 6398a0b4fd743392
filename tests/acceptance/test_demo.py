"""The demo as a newcomer runs it: one story, the same on every run, in every batch size and under every hash seed."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid1

import pytest

from evals import Variant
from forestall.demo import DemoOptions, DemoResult, default_habits, find_scenario, play

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.acceptance
SHORT = Variant(seed=7, degrade=("A",), days=4)


def _demo(home: Path, seed: int, hash_seed: str) -> dict[str, object]:
    command = [sys.executable, "-m", "forestall", "demo", "retail", "--seed", str(seed), "--json", "--dir", str(home)]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def _played(home: Path, variant: Variant, **spread: Any) -> DemoResult:
    options = DemoOptions(variant, home, habits=default_habits(variant), **spread)
    return asyncio.run(play(find_scenario("retail", variant), options))


def test_the_first_incident_is_approved_and_the_second_solved_alone(tmp_path: Path) -> None:
    first, again = _demo(tmp_path / "first", 7, "0"), _demo(tmp_path / "again", 7, "4711")
    assert first["decision_digest"] == again["decision_digest"]
    incidents = first["incidents"]
    assert isinstance(incidents, list)
    assert [(each["status"], each["autonomous"], each["lane"]) for each in incidents] == [
        ("resolved", False, "recall"),
        ("resolved", True, "recall"),
    ]
    wanted = {"id", "status", "lane", "autonomous", "explanation", "detected_after_s", "resolved_after_s", "commands"}
    assert all(wanted <= each.keys() for each in incidents)
    assert int(str(first["orders_saved"])) >= 0.5 * int(str(first["orders_saved_by_oracle"])) > 0
    assert _demo(tmp_path / "other", 8, "0")["decision_digest"] != first["decision_digest"]


def test_the_size_of_a_batch_changes_nothing(tmp_path: Path) -> None:
    results = [_played(tmp_path / str(batch), SHORT, batch=batch) for batch in (500, 7, 1)]
    assert results[0].incidents[0].status == "resolved"
    assert len({result.decision_digest for result in results}) == 1


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> DemoResult:
    return _played(tmp_path_factory.mktemp("undisturbed"), SHORT)


@pytest.mark.parametrize(
    ("broker", "spread"),
    [
        ("embedded", {"partitions": 4, "workers": 3}),
        pytest.param("pulsar", {}, marks=pytest.mark.needs("pulsar")),
        pytest.param("pulsar", {"partitions": 4, "workers": 3}, marks=pytest.mark.needs("pulsar")),
    ],
)
def test_brokers_partitions_and_workers_change_nothing(
    broker: str,
    spread: dict[str, int],
    undisturbed: DemoResult,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
) -> None:
    on: dict[str, Any] = {}
    if broker == "pulsar":
        url, web_url = request.getfixturevalue("pulsar_url"), request.getfixturevalue("pulsar_web_url") or None
        on = {"pulsar": {"pulsar_url": url, "pulsar_web_url": web_url}, "prefix": f"demo-{uuid1().hex}-"}
    assert _played(tmp_path, SHORT, **spread, **on) == undisturbed
    assert "standing by" not in caplog.text  # a clock that leaps takes nobody's partitions away
