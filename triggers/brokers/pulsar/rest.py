"""What Pulsar tells over HTTP only: backlogs, lists of topics, schemas; and the creation of partitions."""

import asyncio
import ssl
from typing import Any

import httpx

from triggers.brokers.errors import AskOperator, BrokerError, RetryLater
from triggers.brokers.pulsar.credentials import Credentials
from triggers.brokers.pulsar.settings import PulsarSettings

_TIMEOUT_S = 10
_REDIRECTS = 3
NOT_THERE = 404
EXISTS = 409


class NotAllowed(AskOperator):
    """It answers, and our role may not ask."""


class Rest:
    """The admin interface, as far as a role without admin rights may use it."""

    def __init__(self, settings: PulsarSettings, credentials: Credentials) -> None:
        self._url = settings.rest_url
        self._derived = settings.web_url is None
        self.named = bool(settings.web_url)
        """By somebody: one that was derived may well be another's."""
        self._credentials = credentials
        self._http = httpx.AsyncClient(
            timeout=_TIMEOUT_S,
            trust_env=False,
            verify=settings.tls or True,
        )

    @property
    def asked(self) -> str:
        """Who was asked, and by which setting, for what is told on its word."""
        return f"says {self._url} (pulsar_web_url{', derived from pulsar_url' if self._derived else ''})"

    async def get(self, path: str, purpose: str) -> Any:
        """The answer's JSON; None where there is no such thing.

        Raises:
            AskOperator, RetryLater: naming `purpose`.
        """
        answer = await self.ask("GET", path, purpose)
        if answer.status_code == NOT_THERE:
            return None
        try:
            return answer.json()
        except (ValueError, RecursionError) as error:
            raise self.no_pulsar() from error

    def no_pulsar(self) -> AskOperator:
        """What answers is no answer of Pulsar's."""
        return AskOperator(f"pulsar_web_url: {self._url}: no Pulsar answers there; correct it")

    async def ask(self, method: str, path: str, purpose: str, content: Any = None) -> httpx.Response:
        """Any answer that does not say that we may not, or that it cannot."""
        if not self._url:
            raise AskOperator(f"{purpose}: the broker tells it over HTTP only; set pulsar_web_url")
        token = await asyncio.to_thread(self._credentials.token)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"{self._url}/admin/v2/{path}"
        try:
            for _ in range(_REDIRECTS):
                answer = await self._http.request(method, url, headers=headers, json=content)
                if not answer.is_redirect:
                    break
                url = str(answer.headers["location"])  # another broker of the cluster; it wants the token, too
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        except (httpx.InvalidURL, UnicodeError) as error:
            raise AskOperator(f"pulsar_web_url: {url}: {error}; correct it") from error
        self._assert_allowed(answer, purpose)
        return answer

    def _unreachable(self, error: httpx.HTTPError) -> BrokerError:
        where = f"pulsar_web_url: {self._url}{' (derived from pulsar_url)' if self._derived else ''}"
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return AskOperator(
                    f"{where}: its certificate is not trusted ({cause.verify_message}); name its authority in"
                    " pulsar_tls_trust_certs, and the host as the certificate does"
                )
            cause = cause.__cause__ or cause.__context__
        return RetryLater(f"{where}: {str(error) or type(error).__name__}; is it up, is it the address?")

    def _assert_allowed(self, answer: httpx.Response, purpose: str) -> None:
        code = answer.status_code
        if code == httpx.codes.UNAUTHORIZED:
            state = "refuses our token; renew it" if self._credentials.present else "wants a token; set pulsar_token"
            raise NotAllowed(f"{purpose}: {self._url} {state}")
        if code == httpx.codes.FORBIDDEN:
            raise NotAllowed(
                f"{purpose}: {self._url} does not let {self._credentials.role()}; have an administrator allow or do it"
            )
        if code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise RetryLater(f"{purpose}: {self._url} answers {code} ({_reason(answer)})")
        if code >= httpx.codes.BAD_REQUEST and code not in (NOT_THERE, EXISTS):
            raise AskOperator(f"{purpose}: {self._url} answers {code} ({_reason(answer)})")

    async def close(self) -> None:
        await self._http.aclose()


def _reason(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["reason"])[:200]
    except (LookupError, TypeError, ValueError):
        return answer.reason_phrase
