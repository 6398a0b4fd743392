"""What `forestall doctor` looks at, one thing a function."""

import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any, Literal

from forestall import __version__
from forestall.cli.screen import plural
from forestall.errors import PackError
from forestall.guard import shadowing_problem
from forestall.settings import Settings

PYTHON = (3, 11)
FREE_MIN_BYTES = 200 * 1024 * 1024
ONLINE_TIMEOUT_S = 5.0
State = Literal["ok", "note", "warning", "bad"]


@dataclass(frozen=True, slots=True)
class Check:
    """`note`: it is not there, and nothing breaks without it, or it was not asked; `warning`: it does not work, and
    Forestall does without.

    `exit_code` is what a `bad` one ends the process with.
    """

    name: str
    state: State
    found: str
    remedy: str = ""
    exit_code: int = 1

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "exit_code" or self.state == "bad"}


def run_checks(settings: Settings, *, online: bool) -> list[Check]:
    """Every check, the most basic first. Nothing is made or changed."""
    from forestall.cli.broker_check import broker_check, java_check

    return [
        _python(),
        _packages(),
        _rooms(),
        *_home(settings.home),
        database_check("ledger", settings.home / "ledger.db"),
        broker_check(settings, online=online),
        *_packs(settings),
        _embedder(),
        _model(settings, online=online),
        _webhook(settings),
        java_check(),
    ]


def _python() -> Check:
    found = f"{platform.python_version()} on {platform.system()}"
    if sys.version_info < PYTHON:
        return Check("Python", "bad", found, "install Python 3.11 or later")
    return Check("Python", "ok", found)


def _packages() -> Check:
    """Every declared dependency that no extra asks for."""
    missing, number = [], 0
    for line in requires("forestall") or []:
        if "extra ==" in line:
            continue
        name = line.split(";")[0].split(">")[0].split("<")[0].split("=")[0].split("~")[0].strip()
        number += 1
        try:
            version(name)
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check("packages", "bad", f"missing: {', '.join(missing)}", "install Forestall again")
    return Check("packages", "ok", f"forestall {__version__} and {number} that it needs")


def _rooms() -> Check:
    problem = shadowing_problem()
    if problem:
        return Check("imports", "bad", problem, "give Forestall an environment of its own")
    return Check("imports", "ok", "agents, tools and the other rooms are Forestall's own")


def _home(home: Path) -> Iterator[Check]:
    existing = next(folder for folder in (home.absolute(), *home.absolute().parents) if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        yield Check("home", "bad", f"{home}: {existing} cannot be written", "choose another with --home", 4)
        return
    yield Check("home", "ok", f"{home}" + ("" if home.exists() else " (will be made when it is needed)"))
    free = shutil.disk_usage(existing).free
    told = f"{free / 1024**3:.1f} GiB free"
    if free < FREE_MIN_BYTES:
        yield Check("disk", "bad", told, f"free some space: {FREE_MIN_BYTES // 1024**2} MiB are needed", 4)
    else:
        yield Check("disk", "ok", told)


def database_check(name: str, file: Path) -> Check:
    """Readable and sound, as far as SQLite's quick check tells."""
    code = 4 if name == "ledger" else 5
    if not file.exists():
        return Check(name, "note", "none yet; it is made when something runs")
    remedy = f"restore {file} from a backup, or move it away"
    try:
        connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=5)
        try:
            result = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            number = connection.execute("PRAGMA user_version").fetchone()[0]
        finally:
            connection.close()
    except sqlite3.Error as error:
        return Check(name, "bad", f"{file}: {error}", remedy, code)
    if result != "ok":
        return Check(name, "bad", f"{file}: damaged: {result}", remedy, code)
    if name == "ledger" and number > _known_version():
        return Check(name, "bad", f"{file}: of version {number}, written by a newer Forestall", "upgrade Forestall", 4)
    return Check(name, "ok", f"{file.name} of version {number}, {file.stat().st_size / 1024**2:.1f} MiB, sound")


def _known_version() -> int:
    from ledger.schema import MIGRATIONS

    return len(MIGRATIONS)


def _packs(settings: Settings) -> Iterator[Check]:
    from forestall.packs import known_packs, load_pack

    for name in dict.fromkeys((*settings.packs, *known_packs())):
        try:
            pack = load_pack(name)
        except PackError as error:
            remedy = f"forestall pack check {name} tells all of them"
            yield Check(
                "pack", "bad", f"{name}: {plural(len(error.mistakes), 'mistake')}: {error.mistakes[0]}", remedy, 3
            )
            continue
        runbooks, tools = plural(len(pack.runbooks), "runbook"), plural(len(list(pack.catalogue)), "tool")
        found = f"{name}: {runbooks}, {tools}; it declares to {pack.manifest.mode}"
        yield Check("pack", "ok", found)


def _embedder() -> Check:
    """Memory compares situations by hashing unless the extra is installed."""
    try:
        return Check("embeddings", "ok", f"sentence-transformers {version('sentence-transformers')}")
    except PackageNotFoundError:
        return Check("embeddings", "note", "built in (hashing); the extra forestall[embeddings] reads meaning, too")


def _model(settings: Settings, *, online: bool) -> Check:
    if settings.model is None:
        return Check("model", "note", "none: what no runbook fits goes to a person; FORESTALL_MODEL sets one")
    key = "with a key" if settings.model_api_key else "without a key"
    found = f"{settings.model}, {key}"
    if not online:
        return Check("model", "note", f"{found}; not asked (--online does)")
    return _reached(settings, found)


def _reached(settings: Settings, found: str) -> Check:
    """Any HTTP answer will do: it is the address that is looked at, not the model's quality, nor the key."""
    import httpx

    if settings.model_base_url is None:
        return Check("model", "note", f"{found}; the provider's own address, not asked")
    try:
        answer = httpx.get(settings.model_base_url, timeout=ONLINE_TIMEOUT_S)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        remedy = "check FORESTALL_MODEL_BASE_URL and that the service runs"
        return Check("model", "warning", f"{found}: cannot be reached ({type(error).__name__})", remedy)
    return Check("model", "ok", f"{found}: its address answers (HTTP {answer.status_code})")


def _webhook(settings: Settings) -> Check:
    if settings.webhook_url is None:
        return Check("webhook", "note", "none: approvals are asked for in forestall status alone")
    return Check("webhook", "ok", "set: it is told when a person is needed")
