"""`forestall doctor` on the broker: the home's own log, or Pulsar."""

import asyncio
import importlib.util
import shutil
from dataclasses import dataclass
from typing import Any

from contracts import install_command
from forestall.cli.checks import Check, database_check
from forestall.errors import BrokerTrouble, ForestallError
from forestall.settings import Settings
from forestall.usual import Usual, as_usual

PATIENCE_S = 2.0
PATIENCE_HTTP_S = 15.0
NO_CLIENT = "pulsar-client is not installed"
START_IT = "start it, or correct its address: FORESTALL_PULSAR_URL"


@dataclass(frozen=True, slots=True)
class BrokerState:
    """`problem` says why it cannot be used, `remedy` what to do, `exit_code` what a command ends with that needs it.

    `hint`: what refuses this shell, which may lack what lets the service in.
    """

    kind: str
    address: str | None
    problem: str | None = None
    exit_code: int = 0
    remedy: str = ""
    hint: str | None = None

    @property
    def name(self) -> str:
        return f"Pulsar at {self.address}" if self.address else "Pulsar"

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "address": self.address, "problem": self.problem, "hint": self.hint}


def broker_check(settings: Settings, *, online: bool) -> Check:
    """Where it is; asked only with `online`, for somebody else's broker may be far away."""
    from forestall.brokers import broker_address, uses_pulsar

    if not uses_pulsar(settings):
        return database_check("broker", settings.home / "broker.db")
    try:
        found = f"Pulsar at {broker_address(settings)}, {_credentials(settings)}"
    except ForestallError as error:
        return Check("broker", "bad", str(error), error.next_step, error.exit_code)
    if not _has_client():
        remedy = f"install Forestall with it: {install_command('pulsar')}"
        return Check("broker", "bad", f"{found}: {NO_CLIENT}", remedy, BrokerTrouble.exit_code)
    return _asked(settings, found) if online else Check("broker", "note", f"{found}; not asked (--online does)")


def broker_state(given: Settings, usual: Usual | None = None) -> BrokerState:
    """Whether Pulsar lets us in, where settings or else the home's service use it; asked for `PATIENCE_S` at most.

    The home's own log is a file and is not asked.
    """
    from forestall.brokers import broker_address, uses_pulsar

    settings = as_usual(given, usual)
    if not uses_pulsar(settings):
        return BrokerState("embedded", broker_address(settings))
    try:
        address = broker_address(settings)
    except ForestallError as error:
        return BrokerState("pulsar", None, str(error), error.exit_code, error.next_step)
    fault = _knock(settings, PATIENCE_S)
    if fault is None:
        return BrokerState("pulsar", address)
    if fault.answers and settings.pulsar_url != given.pulsar_url:  # the service's address, without its credentials
        return BrokerState("pulsar", address, hint=fault.problem)
    remedy = START_IT if fault.away else "correct what it names"
    return BrokerState("pulsar", address, fault.problem, fault.exit_code, remedy)


def _asked(settings: Settings, found: str) -> Check:
    fault = _knock(settings, None)
    if fault is not None:
        return Check(
            "broker", "bad", fault.problem, START_IT if fault.away else "correct what it names", fault.exit_code
        )
    if problem := _unheard(settings):
        remedy = "patterns of topics, backlogs and histories are asked for there: see FORESTALL_PULSAR_WEB_URL"
        return Check("broker", "warning", f"{found}: it lets us in; over HTTP: {problem}", remedy)
    return Check("broker", "ok", f"{found}: it lets us in, and answers over HTTP")


def _unheard(settings: Settings) -> str | None:
    """What a question runs into that Pulsar answers over HTTP only."""
    from forestall.brokers import open_broker
    from triggers.brokers import BrokerError
    from triggers.clock import WallClock

    async def ask() -> None:
        broker = await open_broker(settings, WallClock())
        try:
            async with asyncio.timeout(PATIENCE_HTTP_S):
                await broker.topics()
        finally:
            await broker.close()

    try:
        asyncio.run(ask())
    except TimeoutError:
        return f"no answer within {PATIENCE_HTTP_S:g} s"
    except BrokerError as error:
        return str(error)
    return None


@dataclass(frozen=True, slots=True)
class _Fault:
    """`away`: it does not answer; `answers`: it does, and refuses us."""

    problem: str
    exit_code: int
    away: bool = False
    answers: bool = False


def _knock(settings: Settings, patience_s: float | None) -> _Fault | None:
    """What a handshake with the credentials that are set runs into. No topic is touched."""
    from forestall.brokers import open_broker
    from triggers.brokers import BrokerError, RetryLater
    from triggers.clock import WallClock

    async def knock() -> None:
        async with asyncio.timeout(patience_s):
            broker = await open_broker(settings, WallClock())
        await broker.close()

    try:
        asyncio.run(knock())
    except TimeoutError:
        return _Fault(f"no answer within {patience_s:g} s; is the broker up?", BrokerTrouble.exit_code, away=True)
    except BrokerError as error:
        away = isinstance(error, RetryLater)
        return _Fault(str(error), BrokerTrouble.exit_code, away=away, answers=not away)
    except ForestallError as error:
        return _Fault(str(error), error.exit_code)
    return None


def _credentials(settings: Settings) -> str:
    if settings.pulsar_oauth2_issuer_url:
        return "with OAuth 2.0"
    given = settings.pulsar_token or settings.pulsar_token_file
    return "with a token" if given else "without a token"


def _has_client() -> bool:
    return importlib.util.find_spec("pulsar") is not None


def java_check() -> Check:
    """Only `forestall dev pulsar` wants Java, and Maven until the broker was fetched."""
    from forestall.devbroker import cached, find_java, find_maven

    if shutil.which("java") is None:
        return Check("dev pulsar", "note", "no java: forestall dev pulsar cannot start a broker here")
    if not _has_client():
        remedy = f"install Forestall with it: {install_command('pulsar')}"
        return Check("dev pulsar", "note", f"cannot start a broker here: {NO_CLIENT}", remedy)
    try:
        java = find_java()
        return Check("dev pulsar", "ok", f"{java}, {'Pulsar is fetched' if cached() else find_maven()}")
    except ForestallError as error:
        return Check("dev pulsar", "note", f"cannot start a broker here: {error}", error.next_step)
