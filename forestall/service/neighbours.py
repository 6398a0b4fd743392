"""Whether another home takes events that are meant for this one: asked of the broker now and then, told once."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence

from forestall.neighbours import ADVICE, note_strangers, strangers_of, told
from forestall.service.streams import Stream
from ledger import Ledger, LedgerError
from triggers.brokers import Broker, BrokerError, Usage

LOOK_S = 10.0
PATIENCE_S = 3.0
_log = logging.getLogger("forestall.run")


class Neighbours:
    """Other homes on the subscriptions of ours. Where the broker does not tell, nothing is said and nothing changes."""

    def __init__(self, broker: Broker, ledger: Ledger, streams: Sequence[Stream]) -> None:
        self._broker, self._ledger, self._streams = broker, ledger, streams
        self._told: dict[str, tuple[str, ...]] = {}

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Watch while something else runs."""
        task = asyncio.create_task(self.watch())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def look(self) -> None:
        """Once. What is found is logged when it changes, and noted in the ledger for who asks."""
        for stream in self._streams:
            found = await _strangers(self._broker, stream)
            if found is None:
                continue
            with contextlib.suppress(LedgerError):  # who writes the ledger for a living tells what is wrong with it
                await self._note(stream, found)
            self._tell(stream, found)

    async def _note(self, stream: Stream, found: tuple[str, ...]) -> None:
        known = await self._ledger.read(lambda tx: strangers_of(tx, stream.subscription))
        if known != list(found):
            await self._ledger.transact("strangers", lambda tx: note_strangers(tx, stream.pack, stream.name, found))

    def _tell(self, stream: Stream, found: tuple[str, ...]) -> None:
        known, self._told[stream.name] = self._told.get(stream.name, ()), found
        if set(found) - set(known):
            said = told(stream.subscription, list(found))
            _log.warning("%s: %s; %s", stream.name, said, ADVICE, extra={"happening": "strangers"})
        elif known and not found:
            _log.info("%s: no other home reads it any more", stream.name, extra={"happening": "alone"})


async def tell_handled(broker: Broker, ledger: Ledger, streams: Sequence[Stream]) -> None:
    """Before a new ledger subscribes: what its subscriptions have put behind them, it will not be given."""
    for stream in streams:
        if await _is_known(ledger, stream):
            continue
        behind = [(topic, found.handled) for topic, found in await _usages(broker, stream, handled=True) or ()]
        if await _is_known(ledger, stream):  # another worker of this home has begun meanwhile
            continue
        for topic, number in behind:
            if number:
                _log.warning(
                    "topic %s: the subscription %s stands behind %d entries that the topic still has: another home read"
                    " them under the same pack name, or this one before its ledger was removed, or it began behind"
                    " them; they do not come here. To read them, copy the pack and give the copy another name (pack: in"
                    " its pack.yaml); to see what they would have led to, forestall backtest",
                    topic, stream.subscription, number, extra={"happening": "handled_before"},
                )  # fmt: skip


async def _is_known(ledger: Ledger, stream: Stream) -> bool:
    return bool(await ledger.read(lambda tx: tx.panes.partitions(stream.pack, stream.name)))


async def _strangers(broker: Broker, stream: Stream) -> tuple[str, ...] | None:
    usages = await _usages(broker, stream)
    if usages is None:
        return None
    return tuple(sorted({name for _, found in usages for name in found.strangers}))


async def _usages(broker: Broker, stream: Stream, *, handled: bool = False) -> list[tuple[str, Usage]] | None:
    """By topic; None where the broker does not tell of each in time."""
    found = []
    try:
        async with asyncio.timeout(PATIENCE_S):
            for topic in await stream.topics(broker):
                usage = await broker.usage(topic, stream.subscription, handled=handled)
                if usage is None:
                    return None
                found.append((topic, usage))
    except (BrokerError, TimeoutError):
        return None
    return found
