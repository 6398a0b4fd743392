"""Driving incident runs: claim, resume with the oldest mail, commit the whole segment in one transaction."""

import asyncio
import logging
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command as Resume

from contracts import SECOND, Episode, own_event
from graphs.checkpointer import BufferedSaver
from graphs.incident import build
from graphs.segment import Segment
from graphs.services import GRAPH_VERSION, Services
from ledger import LEASE_MICROS, Fenced, LedgerError, Mail, Run, Transaction, record

MAX_ATTEMPTS = 3
"""A segment that failed this often, across restarts, is handed to a person."""
RETRY_MICROS = 5_000_000
_log = logging.getLogger("forestall.incident")


class IncidentDriver:
    """Moves every run that can move."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._saver = BufferedSaver()
        self._graph = build(self._saver)
        self._learned = 0

    async def step(self) -> bool:
        """Drive one segment of one run; False when no run can move."""
        services = self._services
        now = services.clock.now()
        if await services.ledger.read(lambda tx: tx.runs.next_runnable(services.owner, now)) is None:
            return False
        run, mail, checkpoint, event_now = await services.ledger.transact(
            "run:claim", lambda tx: _take(tx, services.owner, now)
        )
        if run is None:
            return False
        try:
            if run.attempts > MAX_ATTEMPTS:
                await self._give_up(run, "the graph failed again and again; see the log")
            elif run.pack not in services.packs or run.graph_version > GRAPH_VERSION:
                await self._leave(run)
            else:
                await self._attempt(run, mail, checkpoint, now, event_now)
        except Fenced as stop:
            _log.warning("%s", stop)
        finally:
            self._saver.drop(run.thread)
        return True

    async def _attempt(
        self, run: Run, mail: Mail, checkpoint: tuple[int, dict[str, Any]] | None, now: int, event_now: int
    ) -> None:
        await self._learn()
        try:
            await self._drive(run, mail, checkpoint, now, event_now)
        except LedgerError:
            raise
        except Exception:
            _log.exception("incident %s: attempt %d of %d failed", run.thread, run.attempts, MAX_ATTEMPTS)
            await self._services.ledger.transact("run:retry", lambda tx: tx.runs.retry_at(run, now + RETRY_MICROS))

    async def _drive(
        self, run: Run, mail: Mail, checkpoint: tuple[int, dict[str, Any]] | None, now: int, event_now: int
    ) -> None:
        segment = Segment(run, self._services, now, event_now)
        self._saver.load(run.thread, checkpoint[1] if checkpoint else None)
        config: RunnableConfig = {"configurable": {"thread_id": run.thread}, "recursion_limit": 50}
        given: Any = {"mail": mail.body, "step": 0} if checkpoint is None else Resume(resume=mail.body)
        renewing = asyncio.create_task(self._renew(run))
        try:
            state = await self._graph.ainvoke(given, config, context=segment, durability="exit")
        finally:
            renewing.cancel()
        waiting = [each.value["for"] for each in state.get("__interrupt__", ())]
        doc = self._saver.take(run.thread)
        number = checkpoint[0] + 1 if checkpoint else 1

        def commit(tx: Transaction) -> None:
            segment.commit(tx)
            tx.runs.consume(mail)
            if segment.finished_at is None:
                if doc is None or not waiting:
                    raise RuntimeError(f"run {run.thread}: neither finished nor waiting")
                tx.runs.save(run.thread, number, doc)
                tx.runs.suspend(run, waiting[0], now)

        await self._services.ledger.transact(f"run:{state['next']}:{state.get('phase', '')}", commit)

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
            lambda tx: tx.journal.numbered(type_prefix="forestall.episode.recorded", after=self._learned)
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


def _take(tx: Transaction, owner: str, now: int) -> tuple[Any, Any, Any, int]:
    run = tx.runs.claim(owner, now)
    if run is None:
        return None, None, None, 0
    return run, tx.runs.mail(run.thread), tx.runs.checkpoint(run.thread), tx.docs.event_time(run.pack)
