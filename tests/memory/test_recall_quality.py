"""Recall@1 and recall@3 on 42 incident situations in people's own words. Run with `-s` to see the figures."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts import Applies
from memory import Memory, Recollection, choose_embedder
from tests.memory.builders import episode, runbook, situation

_DATA: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "situations.yaml").read_text("utf-8"))
_SITUATIONS: list[dict[str, str]] = _DATA["situations"]

Figures = tuple[int, int]
"""How many of the 42 have what is meant in first place, and among the first three."""


def _ask(memory: Memory, text: str) -> Recollection:
    # The measure is withheld: it would give the runbook away, and words are what is tested here.
    return memory.recall(situation(text, measure="unknown", attributes={}), tenant="acme", k=len(_SITUATIONS))


def _figures(ranks: list[int]) -> Figures:
    return sum(rank == 0 for rank in ranks), sum(rank < 3 for rank in ranks)


def _measure(embedder: str) -> tuple[Figures, Figures]:
    memory = Memory(choose_embedder(embedder))
    for entry in _DATA["runbooks"]:
        words = {"title": entry["title"], "situation": entry["situation"]}
        memory.add_runbook("retail", runbook(entry["name"], applies=Applies(measure=entry["measure"]), **words))
    for number, entry in enumerate(_SITUATIONS):
        bare = situation(entry["text"], measure="unknown", attributes={})
        memory.learn(episode(number, situation=bare, template=entry["means"]))
    runbook_ranks, episode_ranks = [], []
    for number, entry in enumerate(_SITUATIONS):
        found = _ask(memory, entry["text"])
        runbook_ranks.append([match.template for match in found.runbooks].index(f"{entry['means']}@1"))
        others = [match.template for match in found.episodes if match.episode_id != f"episode-{number}"]
        episode_ranks.append(others.index(entry["means"]))
    figures = _figures(runbook_ranks), _figures(episode_ranks)
    for kind, (first, third) in zip(("runbook of 15", "earlier episode of 41"), figures, strict=True):
        print(f"{embedder}: {kind}: of {len(_SITUATIONS)}, {first} in first place, {third} among the first three")
    return figures


def test_data_is_what_the_docstring_says() -> None:
    names = {entry["name"] for entry in _DATA["runbooks"]}
    assert len(_SITUATIONS) == 42
    assert {entry["means"] for entry in _SITUATIONS} == names
    assert len({entry["domain"] for entry in _DATA["runbooks"]}) == 3


def _assert_floor(figures: Figures, floor: Figures) -> None:
    assert figures[0] >= floor[0]
    assert figures[1] >= floor[1]


def test_hashing() -> None:
    runbooks, episodes = _measure("hashing")
    _assert_floor(runbooks, (31, 35))
    _assert_floor(episodes, (14, 19))


@pytest.mark.needs("embeddings")
def test_sentence_transformer() -> None:
    runbooks, episodes = _measure("all-minilm-l6-v2")
    _assert_floor(runbooks, (40, 42))
    _assert_floor(episodes, (29, 37))
