"""Which broker is meant, and how it is reached: the only place where settings become a connection."""

import asyncio
import socket
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from contracts import Clock
from forestall.errors import BrokerTrouble, SettingsError, UsageError
from forestall.home import DEFAULT_HOME, home_option
from forestall.settings import Settings
from triggers.brokers import Broker, BrokerError, EmbeddedBroker

if TYPE_CHECKING:
    from forestall.devbroker import DevPulsar
    from triggers.brokers.pulsar import OAuth2, PulsarSettings

BROKER_FILE = "broker.db"
DEV_FOLDER = "pulsar"
PATIENCE_S = 5.0
OURS = "forestall."
"""What the topics begin with that we write ourselves."""


async def open_broker(
    settings: Settings, clock: Clock, *, owner: str | None = None, ledger: str | None = None
) -> Broker:
    """The broker that the settings mean, connected: Pulsar where its address is set, else the home's own log.

    `owner` is this process's name: what it held before a crash comes back to it at once. `ledger` is the id of the
    ledger that it writes: by it Pulsar tells one home's consumers from another's.

    Raises:
        SettingsError, UsageError: what is set cannot be used; the message says why.
        BrokerTrouble: `forestall dev pulsar`, which is meant, is stopped.
        BrokerError: it cannot be reached or refuses.
    """
    if not uses_pulsar(settings):
        return await EmbeddedBroker.open(settings.home / BROKER_FILE, clock, owner=owner)
    from triggers.brokers.pulsar import PulsarBroker

    home = f"{settings.home.resolve().name} on {socket.gethostname()}"
    return await PulsarBroker.open(pulsar_settings(settings), clock, owner=owner, ledger=ledger, home=home)


async def not_there(broker: Broker, topics: Iterable[str]) -> dict[str, str | None]:
    """Those that the broker does not have yet, each with one that it has and that may be meant.

    Empty where the broker does not tell in time. Topics of other namespaces are not looked for.
    """
    try:
        async with asyncio.timeout(PATIENCE_S):
            there = [topic for topic in await broker.topics() if not topic.startswith(OURS)]
    except (BrokerError, TimeoutError):
        return {}
    missing = sorted({topic for topic in topics if "/" not in topic}.difference(there))
    near = {topic: get_close_matches(topic, there, n=1, cutoff=0.75) for topic in missing}
    return {topic: found[0] if found else None for topic, found in near.items()}


def uses_pulsar(settings: Settings) -> bool:
    return settings.broker == "pulsar" or (settings.broker is None and settings.pulsar_url is not None)


def broker_address(settings: Settings) -> str:
    """The broker in words: its address, or the embedded one's file."""
    if uses_pulsar(settings):
        return settings.pulsar_url or running_pulsar(settings.home).url
    return str(settings.home / BROKER_FILE)


def broker_in_words(settings: Settings) -> str:
    """For a sentence on what went there: `Pulsar at pulsar://...`, or `the embedded broker of HOME`."""
    if uses_pulsar(settings):
        return f"Pulsar at {broker_address(settings)}"
    return f"the embedded broker of {settings.home}"


def pulsar_settings(settings: Settings) -> "PulsarSettings":
    """How Pulsar is reached: as set, else the `forestall dev pulsar` that runs in this home or in the default one.

    Raises:
        SettingsError: credentials are there by half.
        BrokerTrouble: no address is set, and the one that was started here is stopped.
        UsageError: Pulsar is asked for, no address is set, and none was started here.
    """
    url, web_url = settings.pulsar_url, settings.pulsar_web_url
    if url is None:
        running = running_pulsar(settings.home)
        url, web_url = running.url, web_url or running.web_url
    from triggers.brokers.pulsar import PulsarSettings

    return PulsarSettings(
        url=url,
        web_url=web_url,
        namespace=settings.pulsar_namespace,
        token=settings.pulsar_token,
        token_file=settings.pulsar_token_file,
        oauth2=_oauth2(settings),
        tls_trust_certs=settings.pulsar_tls_trust_certs,
        initial=settings.pulsar_initial,
        receiver_bytes=settings.pulsar_receiver_bytes,
    )


def _oauth2(settings: Settings) -> "OAuth2 | None":
    from triggers.brokers.pulsar import OAuth2

    if settings.pulsar_oauth2_issuer_url is None:
        return None
    if settings.pulsar_oauth2_private_key is None:
        raise SettingsError(["FORESTALL_PULSAR_OAUTH2_PRIVATE_KEY: not set; name the file of the client's credentials"])
    return OAuth2(
        issuer_url=settings.pulsar_oauth2_issuer_url,
        private_key=settings.pulsar_oauth2_private_key,
        audience=settings.pulsar_oauth2_audience,
        scope=settings.pulsar_oauth2_scope,
    )


def dev_folder(home: Path) -> Path:
    """Where `forestall dev pulsar` keeps its broker of a home."""
    return home / DEV_FOLDER


def running_pulsar(home: Path) -> "DevPulsar":
    """The one that `forestall dev pulsar` started, in this home or in the default one.

    Raises:
        BrokerTrouble: it is stopped.
        UsageError: none was ever started here.
    """
    from forestall.devbroker import DevPulsar

    for folder in dict.fromkeys((home, DEFAULT_HOME)):
        found = DevPulsar(dev_folder(folder))
        if found.pid is not None:
            return found
    for folder in dict.fromkeys((home, DEFAULT_HOME)):
        if dev_folder(folder).is_dir():
            problem = f"{dev_folder(folder)}: this development Pulsar is stopped, and FORESTALL_PULSAR_URL is not set"
            raise BrokerTrouble(problem, f"Start it again: forestall dev pulsar up{home_option(folder)}.")
    raise UsageError(
        "FORESTALL_PULSAR_URL: not set, and Pulsar is to be used",
        "Set it to your broker's address, or start one here with forestall dev pulsar up.",
    )
