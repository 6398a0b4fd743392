"""Who we are: a token from a setting, a function, a file or an OAuth 2.0 issuer. It is in no message and no log."""

import base64
import json
import threading
import time
from pathlib import Path

import httpx
from pydantic import SecretStr

from triggers.brokers.errors import AskOperator, BrokerError, RetryLater
from triggers.brokers.pulsar.settings import OAuth2, PulsarSettings

_RENEW_BEFORE_S = 60
_ASK_AGAIN_S = 5
_TIMEOUT_S = 10


class Credentials:
    """Gives the token that is valid now. Threads may share it."""

    def __init__(self, settings: PulsarSettings) -> None:
        given = [settings.token, settings.token_file, settings.oauth2]
        if sum(each is not None for each in given) > 1:
            raise AskOperator("pulsar_token, pulsar_token_file, pulsar_oauth2_...: more than one is set; keep one")
        self._settings = settings
        self._issuer = _Issuer(settings.oauth2) if settings.oauth2 else None
        self.present = any(each is not None for each in given)

    def token(self) -> str | None:
        """The token, None where none is configured.

        Raises:
            AskOperator, RetryLater: it cannot be had.
        """
        settings = self._settings
        if self._issuer is not None:
            return self._issuer.token()
        if settings.token_file is not None:
            return _read(settings.token_file)
        if isinstance(settings.token, SecretStr):
            return settings.token.get_secret_value().strip()
        return settings.token() if settings.token is not None else None

    def for_client(self) -> str:
        """The same for the client, which ends the process when this raises: without a token it is then refused."""
        try:
            return self.token() or ""
        except Exception:  # our own probe says what it is
            return ""

    def role(self) -> str:
        """Who the token says we are, for messages."""
        try:
            body = (self.token() or "").split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
            return f"role {claims['sub']!r}"
        except (BrokerError, LookupError, TypeError, ValueError):
            return "our role" if self.present else "an anonymous client (no token is set)"


def _read(path: Path) -> str:
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeError) as error:
        raise AskOperator(f"pulsar_token_file: {path}: {error}; name a file that holds the token alone") from error
    if not token:
        raise AskOperator(f"pulsar_token_file: {path}: it is empty; name a file that holds the token")
    return token


class _Issuer:
    """Client credentials grant (RFC 6749, 4.4), renewed in time; the last one serves while the issuer is away."""

    def __init__(self, oauth2: OAuth2) -> None:
        self._oauth2 = oauth2
        self._lock = threading.Lock()
        self._token, self._renew_at, self._ends_at = "", 0.0, 0.0

    def token(self) -> str:
        with self._lock:
            if time.monotonic() >= self._renew_at:
                self._renew()
            return self._token

    def _renew(self) -> None:
        try:
            granted = self._ask()
        except RetryLater:
            self._renew_at = time.monotonic() + _ASK_AGAIN_S
            if self._renew_at >= self._ends_at:
                self._renew_at = 0.0
                raise
            return
        life = float(granted.get("expires_in", 3600))
        now, self._token = time.monotonic(), granted["access_token"]
        self._renew_at, self._ends_at = now + max(life - _RENEW_BEFORE_S, 1), now + life

    def _ask(self) -> dict[str, str]:
        oauth2 = self._oauth2
        form = {"grant_type": "client_credentials", **_key(oauth2.private_key.get_secret_value())}
        form |= {name: value for name in ("audience", "scope") if (value := getattr(oauth2, name))}
        try:
            with httpx.Client(timeout=_TIMEOUT_S, trust_env=False, follow_redirects=True) as http:
                where = http.get(f"{oauth2.issuer_url.rstrip('/')}/.well-known/openid-configuration")
                answer = http.post(str(where.raise_for_status().json()["token_endpoint"]), data=form)
            if answer.status_code in (400, 401, 403):
                raise AskOperator(
                    f"pulsar_oauth2_issuer_url: {oauth2.issuer_url} refuses our key ({_reason(answer)});"
                    " check pulsar_oauth2_private_key, audience and scope"
                )
            granted: dict[str, str] = answer.raise_for_status().json()
            granted["access_token"]
            return granted
        except httpx.TransportError as error:
            raise RetryLater(f"pulsar_oauth2_issuer_url: {oauth2.issuer_url}: {error}; is it up?") from error
        except (httpx.HTTPStatusError, LookupError, TypeError, ValueError) as error:
            if isinstance(error, httpx.HTTPStatusError) and error.response.is_server_error:
                said = f"answers {error.response.status_code}; it is asked again"
                raise RetryLater(f"pulsar_oauth2_issuer_url: {oauth2.issuer_url}: {said}") from error
            raise AskOperator(
                f"pulsar_oauth2_issuer_url: {oauth2.issuer_url}: {type(error).__name__}; it must be an OpenID issuer"
            ) from error


def _key(text: str) -> dict[str, str]:
    try:
        if not text.lstrip().startswith("{"):
            text = Path(text.removeprefix("file://")).read_text(encoding="utf-8")
        found = json.loads(text)
        return {"client_id": found["client_id"], "client_secret": found["client_secret"]}
    except (OSError, LookupError, TypeError, ValueError) as error:
        raise AskOperator(
            f"pulsar_oauth2_private_key: {type(error).__name__}; give a JSON file with client_id and client_secret"
        ) from error


def _reason(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"])[:100]
    except (LookupError, TypeError, ValueError):
        return f"HTTP {answer.status_code}"
