"""The demo as a newcomer runs it: one story, the same on every run, in every batch size and under every hash seed."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evals import Variant
from forestall.demo import DemoOptions, DemoResult, default_habits, find_scenario, play

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.acceptance


def _demo(home: Path, seed: int, hash_seed: str) -> dict[str, object]:
    command = [sys.executable, "-m", "forestall", "demo", "retail", "--seed", str(seed), "--json", "--dir", str(home)]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def _played(home: Path, variant: Variant, batch: int) -> DemoResult:
    options = DemoOptions(variant, home, batch=batch, habits=default_habits(variant))
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
    variant = Variant(seed=7, degrade=("A",), days=4)
    results = [_played(tmp_path / str(batch), variant, batch) for batch in (500, 7, 1)]
    assert results[0].incidents[0].status == "resolved"
    assert len({result.decision_digest for result in results}) == 1
