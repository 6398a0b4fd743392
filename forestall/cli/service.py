"""`forestall run`: the service. It watches packs' streams over the embedded broker until it is told to stop."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from contracts import HOUR, to_iso
from forestall.cli.failures import Interrupted
from forestall.cli.logs import set_up_logging
from forestall.cli.options import AsJson, Home, Packs, settings
from forestall.cli.questions import os_user
from forestall.cli.run_summary import counts, print_run, summary_of
from forestall.cli.screen import print_json
from forestall.errors import LockedByAnother, UsageError
from forestall.home import MARKER, home_option, worker_name
from forestall.trace import Teller, telling_at
from ledger import Transaction

if TYPE_CHECKING:
    from forestall.bootstrap import App
    from forestall.packs import Pack
    from forestall.settings import Settings

LOOK_S = 5.0
_log = logging.getLogger("forestall.run")


def register(app: typer.Typer) -> None:
    app.command(help="Run the service: watch packs' streams, act as far as allowed.")(run)


def run(
    context: typer.Context,
    packs: Packs = None,
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="Take what there is, close the last panes, and leave.")
    ] = False,
    act: Annotated[
        bool, typer.Option("--act", help="Let these packs act from now on; they observe by default.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    found = settings(context, home, packs=tuple(packs) if packs else None)
    if not found.packs:
        raise UsageError(
            "--pack: no pack is named", "Name one, such as forestall run --pack retail; see forestall packs."
        )
    if (found.home / MARKER).is_file():
        raise UsageError(
            f"{found.home}: is a demo's home, where time is virtual", "Give the service another with --home."
        )
    if as_json and not until_idle:
        raise UsageError("--json: only with --until-idle is there an end to report", "Set FORESTALL_LOG_FORMAT=json.")
    set_up_logging(found)
    with worker_name(found.home) as owner:
        done = asyncio.run(_run(found, owner, act=act, until_idle=until_idle))
    if done is None:
        return
    summary, elsewhere = done
    if as_json:
        print_json(summary)
    elif not elsewhere or summary["events"]:
        print_run(summary, home_option(found.home))
    if elsewhere:
        raise LockedByAnother(
            f"{found.home}: another process watches {', '.join(elsewhere)}; there is nothing to do here",
            "It takes what comes; to work the home off here, stop that one first.",
        )


async def _run(
    found: "Settings", owner: str, *, act: bool, until_idle: bool
) -> tuple[dict[str, Any], tuple[str, ...]] | None:
    """What came of it, and the topics that another process watches; None of a service that was stopped."""
    from forestall.bootstrap import open_app
    from forestall.packs import load_pack
    from triggers.clock import WallClock

    packs, clock = [load_pack(where) for where in found.packs], WallClock()
    halt = None if until_idle else _Halt()
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(open_app(found, packs, clock, owner=owner))
        if act:
            await app.ledger.transact("mode", lambda tx: _let_act(tx, packs, clock.now()))
        await _announce(app, packs, owner, home_option(found.home))
        before = await app.ledger.read(counts)
        told = _Told(app, await app.ledger.read(lambda tx: tx.journal.latest_number()), home_option(found.home))
        if halt is None:
            async with told.following():
                await app.worker.run_until_idle()
            return await app.ledger.read(lambda tx: summary_of(tx, before)), app.worker.elsewhere
        await _serve(app, told, halt)
    return None


def _let_act(tx: Transaction, packs: "list[Pack]", now: int) -> None:
    from governance import mode_of, set_mode

    for pack in packs:
        if mode_of(tx, pack.name, pack.manifest.mode) != "act":
            set_mode(tx, pack.name, "act", person=os_user(), now=now)


async def _announce(app: "App", packs: "list[Pack]", owner: str, option: str) -> None:
    from governance import frozen, mode_of

    modes = await app.ledger.read(lambda tx: [mode_of(tx, pack.name, pack.manifest.mode) for pack in packs])
    for pack, mode in zip(packs, modes, strict=True):
        said = "it acts as far as it may" if mode == "act" else "it says what it would do, and does nothing"
        topics = ", ".join(stream.name for stream in pack.manifest.streams)
        _log.info("%s watches %s for %s in mode %s: %s", owner, topics, pack.name, mode, said)
    stop = await app.ledger.read(frozen)
    if stop is not None:
        said = f"forestall thaw{option} lets them go on"
        _log.warning("all effects are frozen by %s: %s; %s", stop["person"], stop["reason"], said)


class _Told:
    """One line of log for every happening, from the journal, whichever process made it happen."""

    def __init__(self, app: "App", after: int, option: str) -> None:
        self._ledger, self._clock, self._teller = app.ledger, app.services.clock, Teller(after, option)

    async def tell(self) -> None:
        with telling_at(self._clock.now()):
            new = await self._teller.new(self._ledger)
        for found in new:
            level = logging.WARNING if found.tone in ("alarm", "bad") else logging.INFO
            extra = {"happening": found.kind, "incident": found.incident, "event_time": to_iso(found.at)}
            when = f" (of {to_iso(found.at)})" if self._clock.now() - found.at > HOUR else ""
            who = f"{found.incident} " if found.incident else ""
            _log.log(level, "%s%s: %s%s", who, found.word, found.text, when, extra=extra)

    async def follow(self) -> None:
        """Until cancelled; wakes at every commit."""
        while True:
            commits = self._ledger.commits
            await self.tell()
            await self._ledger.changed(commits, LOOK_S)

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Tell while something else runs, and what is left at its end."""
        task = asyncio.create_task(self.follow())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self.tell()


class _Halt:
    """SIGTERM or Ctrl-C: what is under way is ended, what is held is given back. A second one stops at once."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.interrupted = False
        self._loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._halt, number)

    def _halt(self, number: signal.Signals) -> None:
        _log.info("%s: stopping when what is under way has ended", number.name)
        self.interrupted = number is signal.SIGINT
        self.stop.set()
        for each in (signal.SIGTERM, signal.SIGINT):
            self._loop.remove_signal_handler(each)


async def _serve(app: "App", told: _Told, halt: _Halt) -> None:
    async with told.following():
        await app.worker.serve(halt.stop)
    _log.info("stopped; everything is in the ledger")
    if halt.interrupted:
        raise Interrupted("Interrupted.")
