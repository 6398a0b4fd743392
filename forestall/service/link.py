"""Whether the broker answers: asked now and then, and told once when that changes, or from waiting to refusing."""

import asyncio
import logging
from collections.abc import Sequence

from contracts import SECOND, Clock
from forestall.service.streams import Stream
from triggers.brokers import Broker, BrokerError, RetryLater

LOOK_S = 5.0
PATIENCE_S = 5.0
NOT_YET = "not connected yet"
_log = logging.getLogger("forestall.run")


class Link:
    """The connection to the broker, as far as it was seen. `problem` is None while the broker answers.

    A client behind a network tries again by itself and says nothing: it is the service that asks and tells.
    """

    def __init__(self, streams: Sequence[Stream], clock: Clock, address: str) -> None:
        self._streams, self._clock, self._address = streams, clock, address
        self.problem: str | None = NOT_YET
        self.since = clock.now()
        self._asked: asyncio.Task[None] | None = None
        self._how = ""

    @property
    def connected(self) -> bool:
        return self.problem is None

    async def watch(self, broker: Broker) -> None:
        """Until cancelled."""
        try:
            while True:
                await self.look(broker)
                await asyncio.sleep(LOOK_S)
        finally:
            if self._asked is not None:
                self._asked.cancel()

    async def look(self, broker: Broker) -> None:
        """Ask once, or go on waiting for what was asked before: a client may take its time to give up."""
        if self._asked is None:
            self._asked = asyncio.create_task(self._ask(broker))
        done, _ = await asyncio.wait({self._asked}, timeout=PATIENCE_S)
        if not done:
            self.away(f"it does not answer within {PATIENCE_S:g} s")
            return
        asked, self._asked = self._asked, None
        try:
            asked.result()
        except RetryLater as error:
            self.away(str(error))
        except BrokerError as error:
            self.away(str(error), "it is tried again, but a person has to see to it", "does not serve us")
        else:
            self.here()

    async def _ask(self, broker: Broker) -> None:
        for stream in self._streams:
            for topic in await stream.topics(broker):
                await broker.partitions(topic)

    def away(self, problem: str, then: str = "waiting for it", how: str = "is away") -> None:
        """It was seen not to answer, or to refuse us."""
        known, self.problem = self.problem, problem
        if known is None or known is NOT_YET:
            self.since, self._how = self._clock.now(), ""
        if how != self._how:
            self._how = how
            told = f"the broker at {self._address} {how}: {problem}; {then}"
            _log.warning("%s", told, extra={"happening": "broker_away"})

    def here(self) -> None:
        """It was seen to answer."""
        known, self.problem = self.problem, None
        if known is None:
            return
        now = self._clock.now()
        away, self.since = (now - self.since) / SECOND, now
        if known is not NOT_YET:
            _log.info("the broker is back after %.0f s", away, extra={"happening": "broker_back"})
