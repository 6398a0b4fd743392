"""How to reach a Pulsar."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from triggers.brokers.errors import AskOperator
from triggers.brokers.protocol import MAX_MESSAGE_BYTES, Initial

_PORTS = {"pulsar": 6650, "pulsar+ssl": 6651}
_WEB = {"pulsar": ("http", 8080), "pulsar+ssl": ("https", 8443)}


@dataclass(frozen=True, slots=True)
class OAuth2:
    """Client credentials. `private_key`: a file, or JSON, with `client_id` and `client_secret`."""

    issuer_url: str
    private_key: SecretStr
    audience: str | None = None
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class PulsarSettings:
    """Address, credentials and bounds.

    `url` may name several hosts, parted by commas. `web_url` is the REST address (backlog, topic lists, creation of
    partitions); without it, the first host at the usual port. Of `token` (or what returns one), `token_file` (read at
    every connection) and `oauth2` at most one. `tls_trust_certs` is a PEM file; without it, the usual authorities.

    A consumer holds at most `receiver_queue_size` messages that were not asked for, of large ones so few that they make
    up `receiver_bytes`, and hands out `batch_max_messages` at most. `send_timeout_s` is how long a message may wait for
    a broker that is away. Times are real seconds.
    """

    url: str
    web_url: str | None = None
    namespace: str = "public/default"
    token: SecretStr | Callable[[], str] | None = None
    token_file: Path | None = None
    oauth2: OAuth2 | None = None
    tls_trust_certs: Path | None = None
    tls_validate_hostname: bool = True
    initial: Initial = "earliest"
    operation_timeout_s: float = 30
    send_timeout_s: float = 60
    connect_timeout_s: float = 5
    receiver_queue_size: int = 16_384
    receiver_bytes: int = 128 * 1024 * 1024
    batch_max_messages: int = 8_192
    batch_max_bytes: int = 64 * 1024 * 1024
    batch_wait_ms: int = 5
    max_message_bytes: int = MAX_MESSAGE_BYTES
    silence_s: float = 3

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Hosts and ports of the service URL.

        Raises:
            AskOperator: it is none.
        """
        scheme, _, rest = self.url.partition("://")
        try:
            port = _PORTS[scheme]
            parts = [urlsplit(f"//{each}") for each in rest.rstrip("/").split(",")]
            found = [(each.hostname or "", each.port or port) for each in parts]
            if all(host for host, _ in found):
                return found
        except (KeyError, ValueError):
            pass
        raise AskOperator(f"pulsar_url: {self.url!r}; write it like pulsar://broker:6650, or pulsar+ssl:// for TLS")

    @property
    def tls(self) -> ssl.SSLContext | None:
        """What to trust, for our own connections; None without TLS.

        Raises:
            AskOperator: the file of certificates cannot be used.
        """
        if not self.url.startswith("pulsar+ssl://") and not (self.web_url or "").startswith("https://"):
            return None
        try:
            context = ssl.create_default_context(cafile=self.tls_trust_certs)
        except (OSError, ssl.SSLError) as error:
            raise AskOperator(f"pulsar_tls_trust_certs: {self.tls_trust_certs}: {error}; name a PEM file") from error
        context.check_hostname = self.tls_validate_hostname
        return context

    @property
    def rest_url(self) -> str:
        """The REST address, derived where none is given; "" when it was switched off."""
        if self.web_url is not None:
            return self.web_url.rstrip("/")
        scheme, port = _WEB[self.url.partition("://")[0]]
        host = self.addresses[0][0]
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
