"""What every test can rely on: missing components are told, the network is shut, properties are reproducible."""

import importlib.util
import ipaddress
import json
import os
import shutil
import socket
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from forestall.devbroker import DevPulsar
from forestall.errors import ForestallError
from tests import shared_broker
from tests.running_service import Service

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
REQUIRE = "FORESTALL_REQUIRE"

settings.register_profile("forestall", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("forestall")


def _importable(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


COMPONENTS: dict[str, tuple[Callable[[], bool], str]] = {
    "data": (DATA.is_dir, "put the real data into ../shared/data, beside this checkout"),
    "embeddings": (lambda: _importable("sentence_transformers"), "pip install -c constraints.txt -e '.[embeddings]'"),
    "pulsar": (shared_broker.present, "install a JDK 17 and Maven, or set FORESTALL_TEST_PULSAR to a broker's URL"),
    "java": (lambda: shared_broker.missing() is None, "install a JDK 17 and Maven, to start brokers with"),
    "postgres": (lambda: "FORESTALL_TEST_POSTGRES" in os.environ, "set FORESTALL_TEST_POSTGRES to a database's URL"),
    "model": (lambda: "FORESTALL_TEST_MODEL_URL" in os.environ, "set FORESTALL_TEST_MODEL_URL to a model service"),
}
OUTSIDE = frozenset({"pulsar", "postgres", "model"})
"""Components that live behind the network."""


def pytest_configure() -> None:
    """A developer's own settings must not decide what a test finds."""
    for name in [each for each in os.environ if each.startswith("FORESTALL_")]:
        kept = name in (REQUIRE, shared_broker.DISTRIBUTION)
        if not kept and not name.startswith(("FORESTALL_TEST_", "FORESTALL_UPDATE_")):
            del os.environ[name]
    shared_broker.begin()
    socket.socket.connect = _guarded(socket.socket.connect)  # type: ignore[method-assign]
    socket.socket.connect_ex = _guarded(socket.socket.connect_ex)  # type: ignore[method-assign]


def pytest_unconfigure() -> None:
    shared_broker.end()


def _needs(item: pytest.Item) -> set[str]:
    return {str(component) for marker in item.iter_markers("needs") for component in marker.args}


def pytest_runtest_setup(item: pytest.Item) -> None:
    required = os.environ.get(REQUIRE, "").replace(",", " ").split()
    needed = _needs(item)
    for component in sorted(needed):
        if component not in COMPONENTS:
            pytest.fail(f"needs({component!r}): no such component; known: {', '.join(COMPONENTS)}")
        present, remedy = COMPONENTS[component]
        if not present():
            if component in required:
                pytest.fail(f"{REQUIRE} names {component}, which is missing: {remedy}")
            pytest.skip(f"{component} is missing: {remedy}")
    _Network.open = bool(needed & OUTSIDE)


class _Network:
    open = False


def _guarded(connect: Callable[..., Any]) -> Callable[..., Any]:
    """The same call, refused where it leaves this machine."""

    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _Network.open and not _is_loopback(str(address[0])):
            pytest.fail(f"a test reached for {address[0]}:{address[1]}; mark what it needs, or use a local server")
        return connect(self, address)

    return guarded


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of the real data; mark the test `needs("data")`."""
    return DATA


@pytest.fixture(scope="session")
def _pulsar() -> tuple[str, str]:
    try:
        return shared_broker.urls()
    except ForestallError as error:
        if "pulsar" in os.environ.get(REQUIRE, ""):
            pytest.fail(f"{error}; {error.next_step}")
        pytest.skip(f"pulsar is missing: {error}; {error.next_step}")


@pytest.fixture(scope="session")
def pulsar_url(_pulsar: tuple[str, str]) -> str:
    """The service URL of a broker that all tests share: take topics of your own; mark the test `needs("pulsar")`."""
    return _pulsar[0]


@pytest.fixture(scope="session")
def pulsar_web_url(_pulsar: tuple[str, str]) -> str:
    """Its address for admin calls; empty when nobody named it."""
    return _pulsar[1]


@pytest.fixture
def own_pulsar(tmp_path: Path) -> Iterator[Callable[..., DevPulsar]]:
    """Makes brokers of the test's own, to kill and configure; `needs("java")`. Arguments are `DevPulsar`'s."""
    made: list[DevPulsar] = []

    def make(name: str = "pulsar", port: int = 0, web_port: int = 0, **options: Any) -> DevPulsar:
        made.append(
            DevPulsar(tmp_path / name, port, web_port, **{"distribution": shared_broker.distribution(), **options})
        )
        return made[-1]

    yield make
    for broker in made:
        broker.kill()


@pytest.fixture
def start_service(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Starts `forestall run` with these options, and environment variables as keywords, on `tmp_path / "home"`."""
    made: list[Service] = []

    def start(*options: str, **environment: str) -> Service:
        made.append(Service(tmp_path / "home", *options, **environment))
        return made[-1]

    yield start
    for each in made:
        each.process.kill()
        each.process.communicate()


@pytest.fixture
def parcels(tmp_path: Path) -> Path:
    """A folder with a small good pack, to load, change and break."""
    return shutil.copytree(ROOT / "tests" / "packs" / "parcels", tmp_path / "parcels")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Coverage a room and in total, where it was measured."""
    controller = getattr(config.pluginmanager.get_plugin("_cov"), "cov_controller", None)
    if controller is None:
        return
    report = config.rootpath / "coverage-by-room.json"  # `.coverage.*` are taken for measurements
    total = controller.cov.json_report(outfile=str(report))
    covered: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for name, entry in json.loads(report.read_text())["files"].items():
        room = covered[Path(name).parts[0]]
        room[0] += entry["summary"]["covered_lines"]
        room[1] += entry["summary"]["num_statements"]
    report.unlink()
    terminalreporter.section("coverage of lines, by room")
    for room, (hit, lines) in sorted(covered.items()):
        terminalreporter.line(f"{room:<12} {100 * hit / max(lines, 1):5.1f} %  of {lines}")
    terminalreporter.line(f"{'total':<12} {total:5.1f} %")
