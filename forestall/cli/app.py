"""The commands together, and what becomes of their errors."""

import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from forestall import __version__
from forestall.cli import (
    approvals,
    backtest,
    contracts,
    controls,
    demo,
    dev,
    doctor,
    emitting,
    incidents,
    letters,
    new,
    service,
    status,
)
from forestall.cli.failures import Failure, Interrupted, failure_of
from forestall.cli.logs import quiet_clients
from forestall.cli.options import Common
from forestall.cli.screen import stderr, stdout
from forestall.errors import INTERRUPTED

DEBUG = "--debug"

WELCOME = """\
Forestall notices trouble in event streams and fixes it, safely.

  forestall demo retail    see it at work: a shop, six virtual days, under a minute
  forestall doctor         is everything here that it needs?
  forestall --help         all commands
"""

app = typer.Typer(
    name="forestall",
    help="Notices trouble in event streams and fixes it, safely.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"forestall {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def forestall(
    context: typer.Context,
    home: Annotated[Path | None, typer.Option(help="Folder of the ledger and of all that is kept.")] = None,
    debug: Annotated[bool, typer.Option(DEBUG, help="Log more, and show where an unexpected fault happened.")] = False,
    version: Annotated[  # noqa: ARG001
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    quiet_clients(debug=debug)
    context.obj = Common(home=home, debug=debug)
    if context.invoked_subcommand is None:
        stdout().print(WELCOME, end="")


GROUPS = (
    demo,
    service,
    emitting,
    backtest,
    status,
    letters,
    incidents,
    approvals,
    controls,
    new,
    contracts,
    dev,
    doctor,
)
for group in GROUPS:
    group.register(app)


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns its exit code. Nothing is raised: errors are told on stderr."""
    debug = DEBUG in arguments
    given = [DEBUG] * debug + [each for each in arguments if each != DEBUG]  # it may stand behind the command, too
    try:
        code = typer.main.get_command(app).main(given, prog_name="forestall", standalone_mode=False)
        if code != INTERRUPTED:
            return int(code or 0)
        return _interrupted("Interrupted.")
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted("Interrupted.")
    except Interrupted as stop:
        return _interrupted(str(stop))
    except BaseException as error:
        if isinstance(error, SystemExit):
            raise
        if debug:
            traceback.print_exception(error)
        return _tell(_misuse(error) or failure_of(error))


def _misuse(error: BaseException) -> Failure | None:
    """Typer's own complaint about a command or an option. Its class moved between versions, its form did not."""
    complaint = getattr(error, "format_message", None)
    if complaint is None:
        return None
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "forestall"
    return Failure(2, complaint(), f"See {command} --help.")


def _interrupted(message: str) -> int:
    sys.stdout.flush()
    stderr().print(message, soft_wrap=True)
    return INTERRUPTED


def _tell(failure: Failure) -> int:
    """The message, and below it the next step; nothing where help was printed instead."""
    if not failure.message:
        return failure.code
    sys.stdout.flush()
    console = stderr()
    lines = failure.message.splitlines()
    console.print(Text.assemble(("Error: ", "bold red"), lines[0]), soft_wrap=True)
    for line in lines[1:]:
        console.print(f"       {line}", soft_wrap=True)
    console.print(Text(f"       {failure.next_step}", style="dim"), soft_wrap=True)
    return failure.code
