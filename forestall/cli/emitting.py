"""`forestall emit`: rows of a file on a topic, as events or as they are."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from forestall.cli.emit_plan import make_plan, parse_speed, subscribe
from forestall.cli.failures import Interrupted
from forestall.cli.options import AsJson, BrokerChoice, Home, Packs, settings
from forestall.cli.screen import plural, print_hanging, print_json, stderr, stdout
from forestall.errors import InputError
from forestall.home import make_home

if TYPE_CHECKING:
    from forestall.packs import Pack
    from forestall.settings import Settings
    from triggers.emit import EmitReport, Plan

BAD_SHOWN = 10


def register(app: typer.Typer) -> None:
    app.command(help="Publish a file's rows; what was interrupted goes on where it was.")(emit)


def emit(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="CSV or JSON lines; .gz is read, too.")],
    mapping: Annotated[Path | None, typer.Option("--map", help="How a row becomes an event (YAML).")] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Publish rows as JSON objects, for a pack that maps them.")
    ] = False,
    topic: Annotated[str | None, typer.Option("--topic", help="Where to; else what the mapping or pack says.")] = None,
    speed: Annotated[
        str, typer.Option("--speed", help="max, or how much faster than it happened, such as 60x.")
    ] = "max",
    restart: Annotated[bool, typer.Option("--restart", help="Begin again, whatever was published before.")] = False,
    subscriptions: Annotated[
        list[str] | None, typer.Option("--subscription", metavar="NAME", help="Make sure that it exists; repeatable.")
    ] = None,
    packs: Packs = None,
    broker: BrokerChoice = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    from forestall.brokers import broker_in_words
    from forestall.packs import load_pack

    found = settings(context, home, packs=tuple(packs) if packs else None, broker=broker)
    for given in (file, mapping):
        if given is not None and not given.exists():
            raise InputError(f"{given}: no such file", "Correct the path and run the command again.")
    loaded = [load_pack(where) for where in found.packs]
    plan = make_plan(file, mapping, topic, loaded, raw=raw)
    factor = parse_speed(speed, plan)
    try:
        report, seconds = asyncio.run(_emit(found, file, plan, loaded, subscriptions or [], factor, restart=restart))
    except KeyboardInterrupt:
        raise Interrupted("Interrupted. forestall emit goes on where it was; --restart begins again.") from None
    where = broker_in_words(found)
    if as_json:
        print_json(_data(report, plan, seconds) | {"broker": where})
    else:
        _print(report, plan, seconds, where)
    if report.rows and report.bad_total == report.rows:
        raise typer.Exit(InputError.exit_code)


async def _emit(
    found: "Settings",
    file: Path,
    plan: "Plan",
    packs: "list[Pack]",
    subscriptions: list[str],
    speed: float | None,
    *,
    restart: bool,
) -> "tuple[EmitReport, float]":
    """The report, and the seconds that it took."""
    from forestall.brokers import broker_address, not_there, open_broker, uses_pulsar
    from triggers.clock import WallClock
    from triggers.emit import Pace, emit, find_position

    make_home(found.home)
    clock = WallClock()
    pulsar = uses_pulsar(found)
    address = broker_address(found) if pulsar else "embedded"
    position = await asyncio.to_thread(find_position, found.home, file, plan, address, restart=restart)
    broker = await open_broker(found, clock)
    try:
        made = await not_there(broker, [plan.topic])
        await subscribe(broker, plan.topic, packs, subscriptions, drops=pulsar)
        if near := made.get(plan.topic):
            text = f"Warning: topic {plan.topic} was not there and is made; did you mean {near}?"
            stderr().print(Text(text, "yellow"), soft_wrap=True)
        console = stderr()
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task(f"emitting {file.name}")

            def told(report: "EmitReport") -> None:
                progress.update(task, description=f"emitting {file.name}: {plural(report.rows, 'row')}")

            begun = clock.now()
            report = await emit(file, plan, broker, Pace(speed, clock), position=position, progress=told)
            return report, (clock.now() - begun) / 1_000_000
    finally:
        await broker.close()


def _data(report: "EmitReport", plan: "Plan", seconds: float) -> dict[str, Any]:
    bad = [{"line": row.line, "column": row.column, "value": row.value, "reason": row.reason} for row in report.bad]
    return {
        "topic": plan.topic,
        "rows": report.rows,
        "published": report.published,
        "left_out": report.bad_total,
        "bad": bad,
        "earlier": report.earlier,
        "seconds": round(seconds, 3),
    }


def _print(report: "EmitReport", plan: "Plan", seconds: float, where: str) -> None:
    console = stdout()
    if report.earlier and not report.rows:
        console.print(
            f"Nothing to do: {plural(report.earlier, 'row')} went to {plan.topic} before, to {where}.", soft_wrap=True
        )
        console.print(Text("forestall emit --restart publishes them again.", "dim"))
        return
    what = "message" if plan.raw else "event"
    said = f"{plural(report.published, what)} published to {plan.topic}"
    console.print(Text.assemble((said, "bold"), f", of {plural(report.rows, 'row')}, to {where}."), soft_wrap=True)
    rate = f", {report.rows / seconds:,.0f} rows a second" if seconds > 0 else ""
    console.print(Text(f"It took {seconds:.1f} s{rate}.", "dim"))
    if report.earlier:
        console.print(Text(f"The first {plural(report.earlier, 'row')} had been dealt with before.", "dim"))
    if report.bad_total:
        console.print(Text(f"{plural(report.bad_total, 'row')} left out:", "yellow"))
    for row in report.bad[:BAD_SHOWN]:
        print_hanging(console, Text("  "), Text(str(row)))
    if report.bad_total > BAD_SHOWN:
        console.print(Text(f"  and {report.bad_total - BAD_SHOWN:,} more; --json lists the first hundred", "dim"))
