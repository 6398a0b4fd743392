"""Tests marked `needs("embeddings")` are skipped where the extra is missing, unless FORESTALL_REQUIRE names it."""

import importlib.util
import os

import pytest


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        required = os.environ.get("FORESTALL_REQUIRE", "").replace(",", " ").split()
        if marker.args != ("embeddings",) or "embeddings" in required:
            continue
        if importlib.util.find_spec("sentence_transformers") is None:
            pytest.skip("the extra `embeddings` is not installed: pip install 'forestall[embeddings]'")
