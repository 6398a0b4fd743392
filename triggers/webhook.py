"""The webhook: tells an HTTP endpoint of a person's choice that an approval is requested."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import httpx
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_exponential

from graphs import Services
from ledger import OutboxRow
from ledger.recording import WEBHOOK

TIMEOUT_S = 10.0
ATTEMPTS = 4
_log = logging.getLogger("forestall.webhook")


class Webhook:
    """Posts each request once as far as the endpoint answers; CloudEvents structured JSON.

    `pause` waits so many seconds between two attempts.
    """

    def __init__(
        self,
        services: Services,
        url: str,
        client: httpx.AsyncClient,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._services, self._url, self._client, self._pause = services, url, client, pause

    async def step(self) -> bool:
        """Send what waits; an endpoint that cannot be reached is given up on after four tries, and logged."""
        ledger, now = self._services.ledger, self._services.clock.now()
        if await ledger.read(lambda tx: tx.journal.unsent_count(WEBHOOK)) == 0:
            return False
        rows = await ledger.read(lambda tx: tx.journal.unsent(WEBHOOK, 10))
        for row in rows:
            await self._send(row)
        await ledger.transact("outbox:sent", lambda tx: tx.journal.mark_sent(rows, now))
        return bool(rows)

    async def _send(self, row: OutboxRow) -> None:
        try:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception(_passing),
                sleep=self._pause,
                stop=stop_after_attempt(ATTEMPTS),
                wait=wait_exponential(multiplier=0.5, max=8),
                reraise=True,
            ):
                with attempt:
                    answer = await self._client.post(
                        self._url,
                        content=row.payload,
                        headers={"content-type": "application/cloudevents+json"},
                        timeout=TIMEOUT_S,
                    )
                    answer.raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            _log.error("webhook: %s was not delivered: %s", row.event_id, type(problem).__name__)


def _passing(problem: BaseException) -> bool:
    if isinstance(problem, httpx.HTTPStatusError):
        return problem.response.status_code in (408, 425, 429) or problem.response.status_code >= 500
    return isinstance(problem, httpx.TransportError)
