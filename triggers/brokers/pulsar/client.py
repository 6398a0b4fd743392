"""The client itself: imported late, its chatter sent to logging, its faults explained."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

from contracts import install_command
from triggers.brokers.errors import AskOperator, BrokerError, RetryLater, StopConsuming
from triggers.brokers.pulsar.credentials import Credentials
from triggers.brokers.pulsar.faults import translate
from triggers.brokers.pulsar.probe import probe
from triggers.brokers.pulsar.settings import PulsarSettings

P = ParamSpec("P")
T = TypeVar("T")
_THREADS = 8
_chatter = logging.getLogger("forestall.pulsar")
"""The client's own words. It reports every reconnection, so warnings and above, unless the logger is set otherwise."""


def pulsar_client() -> Any:
    """The client's module.

    Raises:
        AskOperator: it is not installed.
    """
    try:
        import pulsar
    except ImportError as error:
        raise AskOperator(f"the Pulsar client is not installed ({error}); {install_command('pulsar')}") from error
    return pulsar


class Connection:
    """One client, and threads for its blocking calls."""

    def __init__(self, settings: PulsarSettings, credentials: Credentials) -> None:
        self.settings, self.credentials = settings, credentials
        self.pulsar = pulsar_client()
        if _chatter.level == logging.NOTSET:
            _chatter.setLevel(logging.WARNING)
        trust = str(settings.tls_trust_certs) if settings.tls_trust_certs else None
        self.client = self.pulsar.Client(
            settings.url,
            authentication=self.pulsar.AuthenticationToken(credentials.for_client) if credentials.present else None,
            operation_timeout_seconds=max(1, round(settings.operation_timeout_s)),
            connection_timeout_ms=round(settings.connect_timeout_s * 1000),
            stats_interval_in_seconds=0,
            use_tls=settings.url.startswith("pulsar+ssl://"),
            tls_trust_certs_file_path=trust,
            tls_validate_hostname=settings.tls_validate_hostname,
            logger=_chatter,
        )
        self.closed = False
        self._unanswered: dict[str, asyncio.Future[Any]] = {}
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="pulsar")

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """In a thread."""
        self.assert_open()
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(function, *args, **kwargs))

    async def call(self, topic: str, right: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """In a thread, with the client's faults explained.

        Raises:
            BrokerError: by the reaction wanted.
        """
        try:
            return await self.run(function, *args, **kwargs)
        except self.pulsar.PulsarException as error:
            raise await self.explain(type(error).__name__, topic, right) from error

    async def ask(self, topic: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `call`, for the one question that is asked of a topic again and again, and changes nothing.

        Raises:
            BrokerError: by the reaction wanted; when no answer comes, what is said at the door, long before the client
                gives up.
        """
        asked = self._unanswered.pop(topic, None)
        if asked is None or asked.done():
            asked = asyncio.ensure_future(self.call(topic, "consume", function, *args, **kwargs))
            asked.add_done_callback(_seen)
        try:
            done, _ = await asyncio.wait({asked}, timeout=self.settings.silence_s)
            if not done and (problem := await probe(self.settings, self.credentials)):
                raise problem
            answer: T = await asyncio.shield(asked)
            return answer
        finally:
            if not asked.done():
                self._unanswered[topic] = asked  # the next one waits for it, too: it holds a thread

    async def explain(self, code: str, topic: str, right: str) -> BrokerError:
        """What a fault of the client's means; knocks at the broker's door where that alone does not tell."""
        if self.closed or code == "AlreadyClosed":
            return StopConsuming(f"topic {topic!r}: this broker or consumer is closed; open another")
        known = translate(code, topic, right, await asyncio.to_thread(self.credentials.role))
        return (
            known
            or await probe(self.settings, self.credentials)
            or RetryLater(
                f"topic {topic!r}: the broker lets us in, but did not do it ({code}); it may be starting or overloaded"
            )
        )

    def assert_open(self) -> None:
        """
        Raises:
            StopConsuming: closed.
        """
        if self.closed:
            raise StopConsuming(f"{self.settings.url}: this broker is closed; open another")

    async def close(self) -> None:
        """End the client; what still waits in it fails."""
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._threads, self.client.close)
        except self.pulsar.PulsarException as error:
            _chatter.info("closing: %s", error)
        finally:
            self._threads.shutdown(wait=False)


def _seen(asked: "asyncio.Future[Any]") -> None:
    """A fault that nobody waits for any more."""
    if not asked.cancelled():
        asked.exception()
