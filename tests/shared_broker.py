"""One Pulsar for the whole run, started by the first test that asks for it; the controller ends it."""

import importlib.util
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from forestall.devbroker import DevPulsar, cached, find_java, find_maven
from forestall.devbroker.process import started_at
from forestall.errors import ForestallError

URL, WEB_URL = "FORESTALL_TEST_PULSAR", "FORESTALL_TEST_PULSAR_WEB"
HOME = "FORESTALL_TEST_PULSAR_HOME"
PREFIX = "forestall-pulsar-"
DISTRIBUTION = "FORESTALL_PULSAR_DIST"


def distribution() -> Path | None:
    given = os.environ.get(DISTRIBUTION)
    return Path(given) if given else None


@cache
def missing() -> str | None:
    """What a broker of our own lacks on this machine; None when it can be started."""
    if importlib.util.find_spec("pulsar") is None:
        return "pulsar-client is not installed; run make test, which installs it"
    try:
        find_java()
        if not distribution() and not cached():
            find_maven()
    except ForestallError as error:
        return f"{error}; {error.next_step}"
    return None


def present() -> bool:
    return URL in os.environ or missing() is None


def begin() -> None:
    """In the controller, before its workers are there: they inherit where the broker is to live."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        _sweep()
        os.environ[HOME] = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")


def _sweep() -> None:
    """A run that was killed could not end its broker: the next one does."""
    for home in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        owner = home.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdigit() and started_at(int(owner)) is None and home.owner() == Path.home().owner():
            DevPulsar(home).kill()
            shutil.rmtree(home, ignore_errors=True)


def end() -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        home = Path(os.environ[HOME])
        DevPulsar(home).kill()
        shutil.rmtree(home, ignore_errors=True)


def urls() -> tuple[str, str]:
    """The named broker's addresses, or those of our own, which is started unless it runs.

    Raises:
        ForestallError: it could not be fetched or started.
    """
    if URL in os.environ:
        return os.environ[URL], os.environ.get(WEB_URL, "")
    broker = DevPulsar(Path(os.environ[HOME]), 0, 0, distribution=distribution())
    broker.start()
    return broker.url, broker.web_url
