"""`forestall run`: the service. It watches packs' streams over the embedded broker until it is told to stop."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from contracts import HOUR, to_iso
from forestall.cli.failures import Interrupted
from forestall.cli.logs import set_up_logging
from forestall.cli.options import AsJson, Home, Packs, settings
from forestall.cli.questions import os_user
from forestall.cli.screen import plural, print_json, stdout
from forestall.errors import UsageError
from forestall.home import MARKER, worker_name
from forestall.trace import Teller
from ledger import Transaction

if TYPE_CHECKING:
    from forestall.bootstrap import App
    from forestall.packs import Pack
    from forestall.settings import Settings

LOOK_S = 5.0
COUNTED = ("events", "duplicates", "late", "signals")
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
        summary = asyncio.run(_run(found, owner, act=act, until_idle=until_idle))
    if summary is None:
        return
    if as_json:
        print_json(summary)
    else:
        _print_summary(summary)


async def _run(found: "Settings", owner: str, *, act: bool, until_idle: bool) -> dict[str, Any] | None:
    from forestall.bootstrap import open_app
    from forestall.packs import load_pack
    from triggers.clock import WallClock

    packs, clock = [load_pack(where) for where in found.packs], WallClock()
    halt = None if until_idle else _Halt()
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(open_app(found, packs, clock, owner=owner))
        if act:
            await app.ledger.transact("mode", lambda tx: _let_act(tx, packs, clock.now()))
        await _announce(app, packs, owner)
        before = await app.ledger.read(_counts)
        told = _Told(app, await app.ledger.read(lambda tx: tx.journal.latest_number()))
        if halt is None:
            async with told.following():
                await app.worker.run_until_idle()
            return await app.ledger.read(lambda tx: _summary(tx, before))
        await _serve(app, told, halt)
    return None


def _let_act(tx: Transaction, packs: "list[Pack]", now: int) -> None:
    from governance import mode_of, set_mode

    for pack in packs:
        if mode_of(tx, pack.name, pack.manifest.mode) != "act":
            set_mode(tx, pack.name, "act", person=os_user(), now=now)


async def _announce(app: "App", packs: "list[Pack]", owner: str) -> None:
    from governance import frozen, mode_of

    modes = await app.ledger.read(lambda tx: [mode_of(tx, pack.name, pack.manifest.mode) for pack in packs])
    for pack, mode in zip(packs, modes, strict=True):
        said = "it acts as far as it may" if mode == "act" else "it says what it would do, and does nothing"
        topics = ", ".join(stream.topic for stream in pack.manifest.streams)
        _log.info("%s watches %s for %s in mode %s: %s", owner, topics, pack.name, mode, said)
    stop = await app.ledger.read(frozen)
    if stop is not None:
        _log.warning("all effects are frozen by %s: %s; forestall thaw lets them go on", stop["person"], stop["reason"])


class _Told:
    """One line of log for every happening, from the journal, whichever process made it happen."""

    def __init__(self, app: "App", after: int) -> None:
        self._ledger, self._clock, self._teller = app.ledger, app.services.clock, Teller(after)

    async def tell(self) -> None:
        for found in await self._teller.new(self._ledger):
            level = logging.WARNING if found.tone in ("alarm", "bad") else logging.INFO
            extra = {"happening": found.kind, "incident": found.incident, "event_time": to_iso(found.at)}
            when = f" (of {to_iso(found.at)})" if self._clock.now() - found.at > HOUR else ""
            who = f"{found.incident} " if found.incident else ""
            _log.log(level, "%s%s: %s%s", who, found.word, found.text, when, extra=extra)

    async def follow(self) -> None:
        """For ever; wakes at every commit."""
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


def _counts(tx: Transaction) -> dict[str, int]:
    """Sums over packs of what the monitors counted, the dead letters by reason, and incidents."""
    counts = dict.fromkeys(COUNTED, 0)
    for name, number in tx.docs.counters().items():
        what = name.rpartition(":")[2]
        if name.startswith("monitor:") and what in counts:
            counts[what] += number
    dead = {f"dead:{code}": number for code, number in tx.inbox.dead_letter_count().items()}
    return counts | dead | {"incidents": len(tx.incidents.all())}


def _summary(tx: Transaction, before: Mapping[str, int]) -> dict[str, Any]:
    """What came since `before`, and what is still open."""
    new = {name: number - before.get(name, 0) for name, number in _counts(tx).items()}
    dead = {name.removeprefix("dead:"): number for name, number in new.items() if name.startswith("dead:") and number}
    kept = {name: number for name, number in new.items() if not name.startswith("dead:")}
    return kept | {"dead_letters": dead, "open": [run.thread for run in tx.runs.unfinished()]}


def _print_summary(summary: dict[str, Any]) -> None:
    console, dead = stdout(), summary["dead_letters"]
    late = f", {summary['late']:,} too late to count" if summary["late"] else ""
    rows = [
        ("events", f"{summary['events']:,}, and {plural(summary['duplicates'], 'duplicate')} left out{late}"),
        ("dead letters", ", ".join(f"{number} {code}" for code, number in dead.items()) or "none"),
        ("signals", f"{summary['signals']}"),
        ("incidents", f"{summary['incidents']}, {len(summary['open'])} of all still open"),
    ]
    for label, told in rows:
        console.print(Text.assemble((f"{label:<14}", "dim"), told))
    if summary["incidents"]:
        console.print(Text("See them with forestall incidents, and one with forestall trace ID.", "dim"))
