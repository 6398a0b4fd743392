"""A demo's home, played until a person is asked: once a session, and a copy of it a test."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from evals import Operator, Variant
from forestall.demo import DemoOptions, default_habits, find_scenario, play
from forestall.home import begin

STORY = {
    "scenario": "retail",
    "seed": 7,
    "degrade": ["A"],
    "cause": None,
    "self_heal": False,
    "novel": False,
    "days": 4,
    "model": None,
}


class _Asked(Exception):
    """Somebody is asked: far enough."""


class _Stops(Operator):
    async def act(self) -> bool:
        if await self._ledger.read(lambda tx: tx.people.requests(status="open")):
            raise _Asked
        return False


@pytest.fixture(scope="session")
def _asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("asked")
    begin(home, STORY)
    variant = Variant(seed=7, degrade=("A",), days=4)
    habits = default_habits(variant)
    options = DemoOptions(variant, home, operator=lambda ledger, clock: _Stops(ledger, clock, habits))
    with pytest.raises(_Asked):
        asyncio.run(play(find_scenario("retail", variant), options))
    return home


@pytest.fixture
def asked_home(_asked: Path, tmp_path: Path) -> Path:
    """A home in which one incident waits for an approval."""
    return shutil.copytree(_asked, tmp_path / "asked")


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """`answers("y", "n")` types these at the terminal; what is left of them was not asked for."""

    def type_them(*lines: str) -> list[str]:
        left = list(lines)
        monkeypatch.setattr("builtins.input", lambda: left.pop(0))
        return left

    return type_them
