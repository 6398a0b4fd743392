"""`forestall emit`: rows of a file as events on a topic."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from forestall.cli.options import AsJson, BrokerChoice, Home, Packs, settings
from forestall.cli.screen import plural, print_hanging, print_json, stderr, stdout
from forestall.errors import InputError
from forestall.home import make_home

if TYPE_CHECKING:
    from forestall.settings import Settings
    from triggers.emit import EmitReport, MappingSpec

BAD_SHOWN = 10


def register(app: typer.Typer) -> None:
    app.command(help="Publish a file's rows as events; forestall run takes each of them once.")(emit)


def emit(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV or JSON lines; .gz is read, too.")],
    mapping: Annotated[Path, typer.Option("--map", help="How a row becomes an event (YAML).")],
    packs: Packs = None,
    broker: BrokerChoice = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    from triggers.emit import load_mapping

    found = settings(context, home, packs=tuple(packs) if packs else None, broker=broker)
    for given in (file, mapping):
        if not given.exists():
            raise InputError(f"{given}: no such file", "Correct the path and run the command again.")
    spec = load_mapping(mapping, file)
    report = asyncio.run(_emit(found, file, spec))
    if as_json:
        print_json(_data(report, spec))
    else:
        _print(report, spec)


async def _emit(found: "Settings", file: Path, spec: "MappingSpec") -> "EmitReport":
    from forestall.brokers import open_broker
    from forestall.packs import load_pack
    from graphs import subscription_name
    from triggers.clock import WallClock
    from triggers.emit import emit

    packs = [load_pack(where) for where in found.packs]
    make_home(found.home)
    broker = await open_broker(found, WallClock())
    try:
        for pack in packs:  # so that nothing published from now on can be missed
            for stream in pack.manifest.streams:
                await broker.ensure_subscription(stream.topic, subscription_name(pack.name, stream.topic))
        console = stderr()
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task(f"emitting {file.name}")

            def told(report: "EmitReport") -> None:
                progress.update(task, description=f"emitting {file.name}: {plural(report.rows, 'row')}")

            return await emit(file, spec, broker, progress=told)
    finally:
        await broker.close()


def _data(report: "EmitReport", spec: "MappingSpec") -> dict[str, Any]:
    bad = [{"line": row.line, "column": row.column, "value": row.value, "reason": row.reason} for row in report.bad]
    return {
        "topic": spec.topic,
        "rows": report.rows,
        "published": report.published,
        "left_out": report.bad_total,
        "bad": bad,
    }


def _print(report: "EmitReport", spec: "MappingSpec") -> None:
    console = stdout()
    said = f"{plural(report.published, 'event')} published to {spec.topic}"
    console.print(Text.assemble((said, "bold"), f", of {plural(report.rows, 'row')}."))
    console.print(Text("What was published and taken before is left out by forestall run.", "dim"))
    if report.bad_total:
        console.print(Text(f"{plural(report.bad_total, 'row')} left out:", "yellow"))
    for row in report.bad[:BAD_SHOWN]:
        print_hanging(console, Text("  "), Text(str(row)))
    if report.bad_total > BAD_SHOWN:
        console.print(Text(f"  and {report.bad_total - BAD_SHOWN:,} more; --json lists the first hundred", "dim"))
