"""The real streams on both brokers, and what they come to undisturbed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.real_streams import MACHINE, RETAIL, Namespaces, Outcome, Play, Source


@pytest.fixture(scope="session")
def namespaces(pulsar_url: str, pulsar_web_url: str) -> Iterator[Namespaces]:
    if not pulsar_web_url:
        pytest.skip("set FORESTALL_TEST_PULSAR_WEB to the broker's REST address: each play makes a namespace")
    made = Namespaces(pulsar_url, pulsar_web_url)
    yield made
    made.remove()


@pytest.fixture(scope="session")
def on_pulsar(namespaces: Namespaces, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Play]:
    """Emits a source into topics of its own, which have so many partitions; 0: not partitioned."""

    def make(source: Source, partitions: int = 0) -> Play:
        play = Play(source, tmp_path_factory.mktemp("pulsar"), namespaces.make())
        if partitions:
            namespaces.partition(play.environment, source.topic, partitions)
        play.emit()
        return play

    return make


def _undisturbed(source: Source, home: Path) -> Play:
    play = Play(source, home, {})
    play.emit()
    play.run()
    return play


@pytest.fixture(scope="session")
def retail(tmp_path_factory: pytest.TempPathFactory) -> Play:
    """The order lines, embedded, one partition, one process, undisturbed."""
    return _undisturbed(RETAIL, tmp_path_factory.mktemp("retail"))


@pytest.fixture(scope="session")
def retail_on_pulsar(on_pulsar: Callable[..., Play]) -> Play:
    """The same on Pulsar."""
    play = on_pulsar(RETAIL)
    play.run()
    return play


@pytest.fixture(scope="session")
def retail_outcome(retail: Play) -> Outcome:
    return retail.outcome()


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Play:
    """The readings, embedded, one partition, one process, undisturbed."""
    return _undisturbed(MACHINE, tmp_path_factory.mktemp("machine"))


@pytest.fixture(scope="session")
def machine_outcome(machine: Play) -> Outcome:
    return machine.outcome()
