"""`forestall doctor` on the broker: the home's own log, or Pulsar."""

import asyncio
import shutil

from forestall.cli.checks import Check, database_check
from forestall.errors import BrokerTrouble, ForestallError
from forestall.settings import Settings


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


def _asked(settings: Settings, found: str) -> Check:
    """A handshake, with the credentials that are set. No topic is touched."""
    from forestall.brokers import open_broker
    from triggers.brokers import BrokerError
    from triggers.clock import WallClock

    async def knock() -> None:
        await (await open_broker(settings, WallClock())).close()

    try:
        asyncio.run(knock())
    except BrokerError as error:
        return Check("broker", "bad", str(error), "correct what it names", BrokerTrouble.exit_code)
    return Check("broker", "ok", f"{found}: it lets us in")


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
