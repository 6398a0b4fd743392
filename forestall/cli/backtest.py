"""`forestall backtest`: what a pack would have noticed and done in the past."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from contracts import from_iso
from forestall.cli.logs import set_up_logging
from forestall.cli.options import AsJson, BrokerChoice, Home, settings
from forestall.cli.screen import plural, print_json, stderr
from forestall.errors import InputError, UsageError

if TYPE_CHECKING:
    from forestall.backtest import Backtest, History, Options, Source
    from forestall.packs import Pack
    from forestall.settings import Settings


def register(app: typer.Typer) -> None:
    app.command(help="Play the past through a pack: what would it have noticed, and what done?")(backtest)


def backtest(
    context: typer.Context,
    pack: Annotated[str, typer.Argument(metavar="NAME|PATH", help="An installed pack, or one's folder.")],
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="FILE|topic:NAME|topic|pulsar",
            help="A file (.csv, .jsonl, .gz), a topic, or the pack's own topics as the broker still has them.",
        ),
    ],
    mapping: Annotated[
        Path | None, typer.Option("--map", help="How the file's rows become events (YAML), unless the pack says it.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only from this time on, such as 2010-12-09 or 2010-12-09T08:00Z."),
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Only up to this time.")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write a page with plots to this file.")] = None,
    keep: Annotated[Path | None, typer.Option("--keep", metavar="HOME", help="Keep the home of the play here.")] = None,
    broker: BrokerChoice = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    from forestall.backtest import Options, TopicSource, page_of, parse_source
    from forestall.packs import load_pack

    named = parse_source(source)
    if isinstance(named, TopicSource) and mapping is not None:
        raise UsageError("--map: is for files; a topic's messages are mapped by the pack's stream")
    if isinstance(named, TopicSource) and named.pulsar:
        broker = "pulsar"
    begin, end = _instant("--since", since), _instant("--until", until)
    if begin is not None and end is not None and begin >= end:
        raise UsageError(f"--since {since}: is not before --until {until}", "Swap them, or leave one out.")
    if html is not None and not html.absolute().parent.is_dir():
        raise InputError(f"--html {html}: there is no folder {html.parent}", "Make it, or name another file.")
    found = settings(context, home, broker=broker)
    set_up_logging(found)
    result = asyncio.run(_play(found, load_pack(pack), named, mapping, Options(begin, end, keep, found.tenant)))
    if html is not None:
        _write(html, page_of(result))
    if as_json:
        print_json(result.to_json())
    else:
        from forestall.cli.backtest_summary import print_backtest

        print_backtest(result, html, keep)


def _instant(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    full = f"{text}T00:00:00" if "T" not in text and " " not in text.strip() else text
    try:
        return from_iso(full if full[-1] in "Zz" or "+" in full[10:] or "-" in full[10:] else f"{full}Z")
    except (ValueError, OverflowError, IndexError) as error:
        raise UsageError(f"{option} {text}: is no time", "Write it like 2010-12-09 or 2010-12-09T08:00Z.") from error


async def _play(
    found: "Settings", pack: "Pack", source: "Source", mapping: Path | None, options: "Options"
) -> "Backtest":
    from forestall.backtest import backtest
    from forestall.trace import moment, telling_at
    from triggers.clock import WallClock

    console = stderr()
    columns = (SpinnerColumn(), TextColumn("[dim]{task.description}"), TimeElapsedColumn())
    async with AsyncExitStack() as stack:
        history, options = await _history(stack, found, pack, source, mapping, options)
        progress = stack.enter_context(
            Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        )
        task = progress.add_task(f"reading {history.name}")

        def told(played: int, now: int) -> None:
            with telling_at(WallClock().now()):
                progress.update(task, description=f"{moment(now)} · {plural(played, 'event')}")

        return await backtest(pack, history, options, WallClock(), told)


async def _history(
    stack: AsyncExitStack,
    found: "Settings",
    pack: "Pack",
    source: "Source",
    mapping: Path | None,
    options: "Options",
) -> "tuple[History, Options]":
    """The history, and the options less the span where the history keeps to it itself."""
    from dataclasses import replace

    from forestall.backtest import file_history, topic_history
    from forestall.brokers import BROKER_FILE, open_broker, uses_pulsar
    from triggers.clock import WallClock

    if isinstance(source, Path):
        spec, topic = _mapping(mapping, source)
        return file_history(source, pack.manifest, spec, topic, options.tenant), options
    if not uses_pulsar(found) and not (found.home / BROKER_FILE).is_file():
        step = "Name the home with --home, or Pulsar with --broker pulsar or FORESTALL_PULSAR_URL."
        raise InputError(f"{found.home}: nothing was ever published here, so there are no topics", step)
    broker = await open_broker(found, WallClock())
    stack.push_async_callback(broker.close)
    history = await topic_history(
        broker, source, pack.manifest, since=options.since, until=options.until, tenant=options.tenant
    )
    return history, replace(options, since=None, until=None)


def _mapping(path: Path | None, source: Path) -> tuple[Any, str | None]:
    if path is None:
        return None, None
    if not path.exists():
        raise InputError(f"{path}: no such file", "Correct the path and run the command again.")
    from forestall.packs import load_mapping

    spec = load_mapping(path, source)
    return spec, spec.topic


def _write(file: Path, page: str) -> None:
    try:
        file.write_text(page, encoding="utf-8")
    except OSError as error:
        raise InputError(f"--html {file}: cannot be written ({error.strerror})", "Name another file.") from error
