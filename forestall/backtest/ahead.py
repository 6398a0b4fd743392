"""Events that lie ahead of our own clock: dead letters, as `forestall run` would make of them today."""

from collections.abc import AsyncIterator

from contracts import Clock
from forestall.backtest.recorded import Recorded
from forestall.bootstrap import App
from forestall.packs import Pack
from graphs import Incoming, Screen, ahead_of_clock, subscription_name
from ledger import DeadLetter, Transaction


class Ahead:
    """Holds them back from the play: its virtual time follows the events, and would follow these, too."""

    def __init__(self, app: App, pack: Pack, virtual: Clock, wall: Clock) -> None:
        self._app, self._pack, self._virtual, self._wall = app, pack, virtual, wall
        self._number = 0

    async def without(self, batches: AsyncIterator[list[Recorded]]) -> AsyncIterator[list[Recorded]]:
        """The batches without what is no event of today's; that becomes dead letters."""
        async for batch in batches:
            now, kept = self._wall.now(), []
            dead: dict[str, list[DeadLetter]] = {}
            for each in batch:
                reason = None if each.time is None else ahead_of_clock(each.time, now, each.mapping)
                if reason is None:
                    kept.append(each)
                else:
                    dead.setdefault(each.topic, []).append(self._letter(each, reason))
            if dead:
                await self._bury(dead)
            if kept:
                yield kept

    def _letter(self, recorded: Recorded, reason: str) -> DeadLetter:
        self._number += 1
        message = Incoming(recorded.topic, f"ahead:{self._number}", recorded.payload)
        return Screen.dead(message, "future", reason, self._virtual.now())

    async def _bury(self, dead: dict[str, list[DeadLetter]]) -> None:
        streams = self._pack.manifest.streams

        def bury(tx: Transaction) -> None:
            for topic, letters in dead.items():
                stream = next(stream for stream in streams if stream.reads(topic))
                tx.inbox.bury(subscription_name(self._pack.name, stream.name), letters)
                tx.docs.count(f"monitor:{self._pack.name}:dead_letters", len(letters))

        await self._app.ledger.transact("backtest", bury)
