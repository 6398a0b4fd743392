"""`forestall run`: the service. It watches packs' streams until it is told to stop."""

import asyncio
from pathlib import Path
from typing import Annotated, Literal

import typer

from forestall.cli.failures import Interrupted
from forestall.cli.logs import set_up_logging
from forestall.cli.options import AsJson, BrokerChoice, Home, Packs, settings
from forestall.cli.questions import os_user
from forestall.cli.run_summary import print_run
from forestall.cli.screen import print_json
from forestall.errors import LockedByAnother, UsageError
from forestall.home import MARKER, home_option, worker_name


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
    broker: BrokerChoice = None,
    health: Annotated[
        str | None,
        typer.Option("--health", metavar="HOST:PORT", help="Answer /live, /ready and /health there, such as :8090."),
    ] = None,
    ready_file: Annotated[
        Path | None,
        typer.Option("--ready-file", help="A file to write once every stream is watched; it is removed at the end."),
    ] = None,
    log_format: Annotated[
        Literal["text", "json"] | None, typer.Option("--log-format", help="How the log is written.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    from forestall.service import Orders, run_service

    given = {"packs": tuple(packs) if packs else None, "broker": broker, "log_format": log_format}
    found = settings(context, home, **given)
    if not found.packs:
        raise UsageError(
            "--pack: no pack is named", "Name one, such as forestall run --pack retail; see forestall packs."
        )
    if (found.home / MARKER).is_file():
        raise UsageError(
            f"{found.home}: is a demo's home, where time is virtual", "Give the service another with --home."
        )
    if as_json and not until_idle:
        raise UsageError("--json: only with --until-idle is there an end to report", "Use --log-format json.")
    if ready_file is not None and until_idle:
        raise UsageError("--ready-file: is for the service", "Leave it out, or leave out --until-idle.")
    set_up_logging(found)
    orders = Orders(until_idle, os_user() if act else None, health, ready_file)
    with worker_name(found.home) as owner:
        done = asyncio.run(run_service(found, owner, orders))
    if done.interrupted:
        raise Interrupted("Interrupted.")
    if done.summary is None:
        return
    if as_json:
        print_json(done.summary)
    elif not done.elsewhere or done.summary["events"]:
        print_run(done.summary, home_option(found.home))
    if done.elsewhere:
        raise LockedByAnother(
            f"{found.home}: another process watches {', '.join(done.elsewhere)}; there is nothing to do here",
            "It takes what comes; to work the home off here, stop that one first.",
        )
