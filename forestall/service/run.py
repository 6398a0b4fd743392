"""The service: it watches packs' streams until it is told to stop, or until there is nothing left to read."""

import asyncio
import gc
import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts import Clock
from forestall.bootstrap import LEDGER_FILE, App, open_app
from forestall.brokers import broker_address, not_there, uses_pulsar
from forestall.home import home_option
from forestall.packs import Pack, load_pack
from forestall.service.counts import counts, summary_of
from forestall.service.endpoint import answering, listen
from forestall.service.halt import Halt
from forestall.service.late import Late
from forestall.service.link import Link
from forestall.service.neighbours import Neighbours, tell_handled
from forestall.service.ready_file import ReadyFile, ready_file
from forestall.service.report import Health
from forestall.service.streams import Stream, subscribe, until_watched
from forestall.service.telling import Told, announce
from forestall.service.waiting import Stopped, once_free
from forestall.settings import Settings
from forestall.usual import assert_as_usual, note_usual
from governance import mode_of, set_mode
from ledger import SqliteLedger, Transaction
from triggers.brokers import RetryLater
from triggers.clock import WallClock

RETRY_S = 2.0
_log = logging.getLogger("forestall.run")


@dataclass(frozen=True, slots=True)
class Orders:
    """What a run is to do. `act_for`: the person on whose word the packs may act from now on."""

    until_idle: bool = False
    act_for: str | None = None
    health: str | None = None
    ready_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """How it ended. A service that was stopped has no summary. `elsewhere`: streams that another process watches."""

    summary: dict[str, Any] | None = None
    elsewhere: tuple[str, ...] = ()
    interrupted: bool = False


async def run_service(settings: Settings, owner: str, orders: Orders) -> Done:
    """Open everything, watch, and give back what is held. `owner` is this process's name in leases.

    A broker that is away is waited for, unless the run is `until_idle`; a ledger that another process writes is waited
    for by both, by the latter for some minutes.

    Raises:
        PackError, SettingsError, UsageError: something that was given is wrong.
        LedgerError, BrokerError: what needs a person, with what to do.
    """
    packs, clock = [load_pack(where) for where in settings.packs], WallClock()
    streams = [Stream(pack.name, spec) for pack in packs for spec in pack.manifest.streams]
    link = Link(streams, clock, broker_address(settings))
    health = Health(owner, clock, link, streams, "pulsar" if uses_pulsar(settings) else "embedded", clock.now())
    halt = None if orders.until_idle else Halt()
    async with AsyncExitStack() as stack:
        ready = stack.enter_context(ready_file(orders.ready_file))
        if orders.health is not None:
            await stack.enter_async_context(answering(health, listen(orders.health)))
        try:
            await once_free(lambda: _note(settings, packs, clock.now()), halt)
            app, made = await once_free(lambda: _open(stack, settings, packs, clock, health, halt), halt)
            told = await once_free(lambda: _begin(app, packs, orders, home_option(settings.home)), halt)
            _tell_made(made)
        except Stopped:
            assert halt is not None
            return Done(interrupted=halt.interrupted)
        gc.collect()
        gc.freeze()  # what is loaded stays: without it a collection looks through all of that again and again
        if halt is None:
            return await _until_idle(app, told, health)
        await _serve(app, told, health, halt, ready)
        return Done(interrupted=halt.interrupted)


async def _note(settings: Settings, packs: list[Pack], now: int) -> None:
    """How this home is used, before the broker is asked for: who looks while it is away has to know.

    Raises:
        UsageError: it is used otherwise.
    """
    known = dict(zip((pack.name for pack in packs), settings.packs, strict=True))
    ledger = await asyncio.to_thread(SqliteLedger, settings.home / LEDGER_FILE)
    try:
        pulsar = uses_pulsar(settings)
        await ledger.read(lambda tx: assert_as_usual(tx, settings, pulsar=pulsar, now=now))
        await ledger.transact("usual", lambda tx: note_usual(tx, settings, pulsar=pulsar, packs=known))
    finally:
        await ledger.close()


async def _open(
    stack: AsyncExitStack, settings: Settings, packs: list[Pack], clock: Clock, health: Health, halt: Halt | None
) -> tuple[App, Mapping[str, str | None]]:
    """Everything open and every stream subscribed to; a service waits for the broker. Also: topics that were not there.

    Raises:
        Stopped: while it waited.
    """
    while True:
        async with AsyncExitStack() as attempt:
            try:
                app = await attempt.enter_async_context(open_app(settings, packs, clock, owner=health.owner))
                await tell_handled(app.broker, app.ledger, health.streams)
                topics = [each.spec.topic for each in health.streams if each.spec.topic is not None]
                made = await not_there(app.broker, topics)
                await subscribe(app.broker, health.streams, app.ledger)
            except RetryLater as error:
                if halt is None:
                    raise
                health.link.away(str(error))
            else:
                health.link.here()
                health.app = app
                stack.push_async_exit(attempt.pop_all())
                return app, made
        if await halt.within(RETRY_S):
            raise Stopped


def _tell_made(made: Mapping[str, str | None]) -> None:
    """A misspelt topic is as good as any to a broker."""
    for topic, near in made.items():
        told = "topic %s was not there: it is made, and nobody has published to it"
        if near is None:
            _log.info(told, topic, extra={"happening": "topic_made"})
        else:
            _log.warning(f"{told}; did you mean %s?", topic, near, extra={"happening": "topic_made"})


async def _begin(app: App, packs: list[Pack], orders: Orders, option: str) -> Told:
    """Let the packs act where that is the order, and say what this process is about to do."""
    if orders.act_for is not None:
        person, now = orders.act_for, app.services.clock.now()
        await app.ledger.transact("mode", lambda tx: _let_act(tx, packs, person, now))
    await announce(app, packs, option)
    return Told(app, await app.ledger.read(lambda tx: tx.journal.latest_number()), option)


async def _until_idle(app: App, told: Told, health: Health) -> Done:
    before = await app.ledger.read(counts)
    health.phase = "serving"
    async with told.following(), Neighbours(app.broker, app.ledger, health.streams).watching():
        await app.worker.run_until_idle()
    return Done(await app.ledger.read(lambda tx: summary_of(tx, before)), app.worker.elsewhere)


async def _serve(app: App, told: Told, health: Health, halt: Halt, ready: ReadyFile | None) -> None:
    neighbours = Neighbours(app.broker, app.ledger, health.streams)
    late = Late(app.ledger, health.streams, health.clock)
    async with told.following(), neighbours.watching(), late.watching(), asyncio.TaskGroup() as tasks:
        beside = [
            tasks.create_task(health.link.watch(app.broker)),
            tasks.create_task(_tell_ready(app, health, halt, ready)),
        ]
        await app.worker.serve(halt.stop)
        for task in beside:
            task.cancel()
    _log.info("stopped; everything is in the ledger")


async def _tell_ready(app: App, health: Health, halt: Halt, ready: ReadyFile | None) -> None:
    await until_watched(app.ledger, health.streams, health.clock.now)
    health.phase = "serving"
    if ready is not None:
        ready.write(health.owner, health.clock.now())
    _log.info("%s is ready: every stream is watched", health.owner, extra={"happening": "ready"})
    await halt.stop.wait()
    health.phase = "stopping"


def _let_act(tx: Transaction, packs: list[Pack], person: str, now: int) -> None:
    for pack in packs:
        if mode_of(tx, pack.name, pack.manifest.mode) != "act":
            set_mode(tx, pack.name, "act", person=person, now=now)
