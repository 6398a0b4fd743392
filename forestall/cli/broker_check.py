"""`forestall doctor` on the broker: the home's own log, or Pulsar."""

import asyncio
import shutil
from dataclasses import dataclass
from typing import Any

from forestall.cli.checks import Check, database_check
from forestall.errors import BrokerTrouble, ForestallError
from forestall.settings import Settings

PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True)
class BrokerState:
    """`problem` says why it cannot be used, `exit_code` what a command ends with that needs it."""

    kind: str
    address: str | None
    problem: str | None = None
    exit_code: int = 0

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "address": self.address, "problem": self.problem}


def broker_check(settings: Settings, *, online: bool) -> Check:
    """Where it is; asked only with `online`, for somebody else's broker may be far away."""
    from forestall.brokers import broker_address, uses_pulsar

    if not uses_pulsar(settings):
        return database_check("broker", settings.home / "broker.db")
    try:
        found = f"Pulsar at {broker_address(settings)}, {_credentials(settings)}"
    except ForestallError as error:
        return Check("broker", "bad", str(error), error.next_step, error.exit_code)
    return _asked(settings, found) if online else Check("broker", "ok", f"{found}; not asked (--online does)")


def broker_state(settings: Settings) -> BrokerState:
    """Whether Pulsar, where it is used, lets us in; asked for `PATIENCE_S` at most. The home's own log is a file."""
    from forestall.brokers import broker_address, uses_pulsar

    if not uses_pulsar(settings):
        return BrokerState("embedded", broker_address(settings))
    try:
        address = broker_address(settings)
    except ForestallError as error:
        return BrokerState("pulsar", None, f"{error} {error.next_step}", error.exit_code)
    problem, code = _knock(settings, PATIENCE_S)
    return BrokerState("pulsar", address, problem, code)


def _asked(settings: Settings, found: str) -> Check:
    problem, code = _knock(settings, None)
    if problem is not None:
        return Check("broker", "bad", problem, "correct what it names", code)
    return Check("broker", "ok", f"{found}: it lets us in")


def _knock(settings: Settings, patience_s: float | None) -> tuple[str | None, int]:
    """What a handshake with the credentials that are set runs into, and its exit code. No topic is touched."""
    from forestall.brokers import open_broker
    from triggers.brokers import BrokerError
    from triggers.clock import WallClock

    async def knock() -> None:
        async with asyncio.timeout(patience_s):
            broker = await open_broker(settings, WallClock())
        await broker.close()

    try:
        asyncio.run(knock())
    except TimeoutError:
        return f"no answer within {patience_s:g} s; is the broker up?", BrokerTrouble.exit_code
    except BrokerError as error:
        return str(error), BrokerTrouble.exit_code
    except ForestallError as error:
        return str(error), error.exit_code
    return None, 0


def _credentials(settings: Settings) -> str:
    if settings.pulsar_oauth2_issuer_url:
        return "with OAuth 2.0"
    given = settings.pulsar_token or settings.pulsar_token_file
    return "with a token" if given else "without a token"


def java_check() -> Check:
    """Only `forestall dev pulsar` wants Java, and Maven until the broker was fetched."""
    from forestall.devbroker import cached, find_java, find_maven

    if shutil.which("java") is None:
        return Check("dev pulsar", "note", "no java: forestall dev pulsar cannot start a broker here")
    try:
        java = find_java()
        return Check("dev pulsar", "ok", f"{java}, {'Pulsar is fetched' if cached() else find_maven()}")
    except ForestallError as error:
        return Check("dev pulsar", "note", f"cannot start a broker here: {error}", error.next_step)
