"""Driving incident runs: claim, resume with the oldest mail, commit the whole segment in one transaction."""

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from contracts import SECOND, Episode, Json, own_event
from graphs.in_flight import InFlight
from graphs.incident import WAITS_FOR, walk
from graphs.segment import Segment
from graphs.services import GRAPH_VERSION, Services
from ledger import LEASE_MICROS, Fenced, LedgerBusy, LedgerError, Mail, Run, Transaction, record

MAX_ATTEMPTS = 3
"""A segment that failed this often, across restarts, is handed to a person."""
RETRY_MICROS = 5_000_000
_log = logging.getLogger("forestall.incident")


@dataclass(frozen=True, slots=True)
class _Taken:
    """A claimed run, and what its next segment begins with."""

    run: Run
    mail: Mail | None
    checkpoint: tuple[int, dict[str, Any]] | None
    event_now: int


class IncidentDriver:
    """Moves every run that can move, so many at a time as the services say."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._learned = 0
        self._busy: set[str] = set()
        self._runs = InFlight(services.ledger, services.in_flight)

    async def step(self) -> bool:
        """Take up the runs that can move, until a segment of one of them has ended; False when none can move.

        Others may still be under way then; the next `step` goes on with them, and `close` waits for them.
        """
        return await self._runs.step(self._take_up)

    async def close(self) -> None:
        """Let the segments that are under way end."""
        await self._runs.close()

    async def _take_up(self) -> None:
        services, held, room = self._services, frozenset(self._runs.names), self._runs.room
        now = services.clock.now()
        if not await services.ledger.read(lambda tx: tx.runs.runnable(services.owner, now, 1, held)):
            return
        await self._learn()
        taken = await services.ledger.transact("run:claim", lambda tx: self._take(tx, now, room, held))
        for each in taken:
            self._busy.discard(each.run.thread)
            self._runs.start(each.run.thread, self._move(each, now))

    def _take(self, tx: Transaction, now: int, room: int, held: Collection[str]) -> list[_Taken]:
        taken = []
        for run in tx.runs.claim_many(self._services.owner, now, room, held):
            if run.thread in self._busy:
                tx.runs.forgive(run)
                run = replace(run, attempts=run.attempts - 1)
            event_now = tx.docs.event_time(run.pack)
            taken.append(_Taken(run, tx.runs.mail(run.thread), tx.runs.checkpoint(run.thread), event_now))
        return taken

    async def _move(self, taken: _Taken, now: int) -> None:
        run = taken.run
        try:
            if run.attempts > MAX_ATTEMPTS:
                await self._give_up(run, "the graph failed again and again; see the log")
            elif run.pack not in self._services.packs or run.graph_version > GRAPH_VERSION:
                await self._leave(run)
            else:
                await self._attempt(taken, now)
        except Fenced as stop:
            _log.warning("%s", stop)

    async def _attempt(self, taken: _Taken, now: int) -> None:
        run = taken.run
        try:
            await self._drive(taken, now)
        except LedgerBusy:
            self._busy.add(run.thread)  # a passing fault of the file: no attempt of this run
            raise
        except LedgerError:
            raise
        except Exception:
            _log.exception("incident %s: attempt %d of %d failed", run.thread, run.attempts, MAX_ATTEMPTS)
            await self._services.ledger.transact("run:retry", lambda tx: tx.runs.retry_at(run, now + RETRY_MICROS))

    async def _drive(self, taken: _Taken, now: int) -> None:
        run, mail, checkpoint = taken.run, taken.mail, taken.checkpoint
        if mail is None:
            raise RuntimeError(f"run {run.thread}: is runnable, and has no mail")
        segment = Segment(run, self._services, now, taken.event_now)
        number = checkpoint[0] + 1 if checkpoint else 1
        renewing = asyncio.create_task(self._renew(run))
        try:
            state, doc = await self._advance(checkpoint[1] if checkpoint else None, mail.body, segment, number)
        finally:
            renewing.cancel()

        def commit(tx: Transaction) -> None:
            segment.commit(tx)
            tx.runs.consume(mail)
            if segment.finished_at is None:
                if doc is None:
                    raise RuntimeError(f"run {run.thread}: neither finished nor waiting")
                tx.runs.save(run.thread, number, doc)
                tx.runs.suspend(run, WAITS_FOR[state["phase"]], now)

        await self._services.ledger.transact(f"run:{state['next']}:{state.get('phase', '')}", commit)

    async def _advance(
        self, doc: dict[str, Any] | None, mail: Json, segment: Segment, number: int
    ) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """See `graphs.incident.walk`."""
        return await walk(doc, mail, segment, number)

    async def _renew(self, run: Run) -> None:
        """Keep the lease while a segment takes long, such as while a model answers; its commit is fenced anyhow."""
        while True:
            await asyncio.sleep(LEASE_MICROS / SECOND / 3)
            now = self._services.clock.now()
            try:
                await self._services.ledger.transact("run:renew", lambda tx, now=now: tx.runs.renew(run, now))  # type: ignore[misc]
            except LedgerError:
                return  # the segment's own commit will say what is wrong

    async def _learn(self) -> None:
        """Memory is a projection of the journal: take in the episodes that were recorded since."""
        rows = await self._services.ledger.read(
            lambda tx: tx.journal.of_type("forestall.episode.recorded", after=self._learned)
        )
        for seq, event in rows:
            self._services.memory.learn(Episode.model_validate(event.data))
            self._learned = seq

    async def _give_up(self, run: Run, reason: str) -> None:
        now = self._services.clock.now()
        change = {"status": "escalated", "reason": reason, "closed_at": now}
        event = own_event(
            "incident.closed", change, about=(run.thread, "gave up"), time=now, incident=run.thread, tenant=run.tenant
        )

        def commit(tx: Transaction) -> None:
            tx.runs.fence(run)
            record(tx, self._services.routing, event)
            for row in tx.people.requests(incident=run.thread, status="open"):
                tx.people.close(row.request.id, "withdrawn")
            tx.runs.finish(run, now)

        await self._services.ledger.transact("run:give-up", commit)

    async def _leave(self, run: Run) -> None:
        """A run of a pack that is not loaded, or of a later graph, is left to a worker that has it."""
        now = self._services.clock.now()
        _log.warning("incident %s: pack %s is not loaded here; left to another worker", run.thread, run.pack)
        await self._services.ledger.transact("run:leave", lambda tx: tx.runs.leave(run, now + 12 * RETRY_MICROS))
