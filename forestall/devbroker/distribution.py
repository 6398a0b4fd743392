"""Pulsar's server distribution: fetched once with Maven, kept in the user's cache for every home."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from forestall.devbroker.java import find_maven
from forestall.devbroker.state import locked
from forestall.errors import BrokerTrouble, UsageError

VERSION = "4.0.8"
NAME = f"apache-pulsar-{VERSION}"
FETCH_MAX_S = 1200
_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:unpack"
_ARTIFACT = f"org.apache.pulsar:pulsar-server-distribution:{VERSION}:tar.gz:bin"
_TAIL = 5

Say = Callable[[str], None]


def cache_folder() -> Path:
    """Where the distribution is kept: `forestall/pulsar` in XDG_CACHE_HOME, else in `~/.cache`."""
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(chosen) if chosen.startswith("/") else Path.home() / ".cache"
    return base / "forestall" / "pulsar"


def cached() -> Path | None:
    """The distribution, when it was fetched before."""
    found = cache_folder() / NAME
    return found if _complete(found) else None


def get_distribution(given: Path | None = None, say: Say = lambda _: None) -> Path:
    """The unpacked distribution: `given`, else the cached one, else fetched now (253 MB, with `mvn`).

    Several callers at once wait for the first. What was fetched by half is never used.

    Raises:
        UsageError: `given` holds no distribution.
        BrokerTrouble: Maven is missing, or did not get it.
    """
    if given is not None:
        if not _complete(given):
            problem = (
                f"FORESTALL_PULSAR_DIST: {str(given)!r}: holds no Pulsar: lib/org.rocksdb-rocksdbjni-*.jar is missing"
            )
            raise UsageError(problem, "Name the folder that lib lies in, or unset it.")
        return given.absolute()
    if found := cached():
        return found
    maven = find_maven()
    with locked(cache_folder() / "fetch.lock"):
        return cached() or _fetch(maven, say)


def rocksdb_jar(distribution: Path) -> Path:
    """The library that reads the broker's metadata."""
    return next((distribution / "lib").glob("org.rocksdb-rocksdbjni-*.jar"))


def _complete(folder: Path) -> bool:
    return any((folder / "lib").glob("org.rocksdb-rocksdbjni-*.jar"))


def _fetch(maven: str, say: Say) -> Path:
    """Unpack beside the place, then rename: whoever looks sees all of it or nothing. The lock is held."""
    folder = cache_folder()
    for left in folder.glob("fetching-*"):  # by a process that died: we hold the lock
        shutil.rmtree(left, ignore_errors=True)
    say(f"fetching Pulsar {VERSION} with Maven into {folder} (253 MB, once)")
    with tempfile.TemporaryDirectory(prefix="fetching-", dir=folder) as scratch:
        options = [f"-Dartifact={_ARTIFACT}", f"-DoutputDirectory={scratch}"]
        _run([maven, "-B", "-q", _PLUGIN, *options], Path(scratch))
        unpacked = Path(scratch) / NAME
        if not _complete(unpacked):
            raise BrokerTrouble(f"{folder}: Maven left no {NAME} there", "Run the command again.")
        unpacked.rename(folder / NAME)
    return folder / NAME


def _run(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=FETCH_MAX_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise BrokerTrouble(
            f"Maven did not get Pulsar within {FETCH_MAX_S // 60} minutes", "Check the network and try again."
        ) from error
    if done.returncode:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()][:_TAIL]
        raise BrokerTrouble(
            "\n".join(["Maven could not get Pulsar:", *lines]),
            "Check the network and Maven's settings and try again, or set FORESTALL_PULSAR_DIST.",
        )
