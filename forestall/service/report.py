"""What the health endpoint says: figures and states, no content of events, no secret."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from contracts import SECOND, Clock, to_iso
from forestall import __version__
from forestall.bootstrap import App
from forestall.neighbours import strangers_of
from forestall.service.counts import counts
from forestall.service.link import NOT_YET, Link
from forestall.service.streams import Standing, Stream, backlog, standing
from governance import frozen
from ledger import LedgerError, Transaction

PATIENCE_S = 2.0
Phase = Literal["starting", "serving", "stopping"]


@dataclass(slots=True)
class Health:
    """One process's health. Whoever runs it sets `app` once everything is open, and `phase`."""

    owner: str
    clock: Clock
    link: Link
    streams: Sequence[Stream]
    broker: str
    started_at: int
    phase: Phase = "starting"
    app: App | None = None

    @property
    def ready(self) -> bool:
        """It serves, and the broker answers."""
        return self.phase == "serving" and self.link.connected

    @property
    def status(self) -> str:
        return "waiting for the broker" if self.link.problem not in (None, NOT_YET) else self.phase

    async def report(self) -> dict[str, Any]:
        """Everything; what cannot be found out is null, with a `problem` beside it."""
        now = self.clock.now()
        found: dict[str, Any] = {
            "status": self.status,
            "ready": self.ready,
            "name": self.owner,
            "process": os.getpid(),
            "version": __version__,
            "started_at": to_iso(self.started_at),
            "uptime_s": round((now - self.started_at) / SECOND, 1),
            "broker": {
                "kind": self.broker,
                "connected": self.link.connected,
                "since": to_iso(self.link.since),
                "problem": self.link.problem,
            },
        }
        return found if self.app is None else found | await self._of_app(self.app, now)

    async def _of_app(self, app: App, now: int) -> dict[str, Any]:
        try:
            found = await app.ledger.read(lambda tx: _of_ledger(tx, self.streams, now))
        except LedgerError as error:
            return {"ledger": {"readable": False, "problem": str(error)}}
        if self.link.connected:
            waiting = await asyncio.gather(*(backlog(app.broker, stream, PATIENCE_S) for stream in self.streams))
            for stream, number in zip(found["streams"], waiting, strict=True):
                stream["backlog"] = number
        return {"ledger": {"readable": True, "problem": None}} | found


def _of_ledger(tx: Transaction, streams: Sequence[Stream], now: int) -> dict[str, Any]:
    stop = frozen(tx)
    return {
        "streams": [
            _stream(stream, standing(tx, stream, now), strangers_of(tx, stream.subscription), now) for stream in streams
        ],
        "counters": counts(tx),
        "frozen": None if stop is None else {**stop, "at": to_iso(stop["at"])},
        "open_incidents": len(tx.runs.unfinished()),
        "open_requests": len(tx.people.requests(status="open")),
        "to_publish": tx.journal.unsent_count(),
    }


def _stream(stream: Stream, found: Standing, strangers: list[str], now: int) -> dict[str, Any]:
    """`lag_s`: how long ago the latest event happened; null before the first one. `taken_by`: other homes, who take
    some of its events."""
    lag = None if found.event_time is None else round((now - found.event_time) / SECOND, 1)
    return {
        "pack": stream.pack,
        "stream": stream.name,
        "partitions": found.partitions,
        "watched_by": list(found.watched_by),
        "taken_by": strangers,
        "event_time": None if found.event_time is None else to_iso(found.event_time),
        "lag_s": lag,
        "backlog": None,
    }
