"""`forestall new`: a pack drafted from a sample of its stream, and what it would have noticed on it."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contracts import Clock
from forestall.cli.logs import set_up_logging
from forestall.cli.new_summary import drafted_json, print_drafted
from forestall.cli.options import AsJson, BrokerChoice, Home, settings
from forestall.cli.screen import print_json
from forestall.errors import InputError, UsageError

if TYPE_CHECKING:
    from forestall.newpack import Sample
    from forestall.settings import Settings

TOPIC = "topic:"


def register(app: typer.Typer) -> None:
    app.command(help="Draft a pack from a sample of its stream, and show what it would have noticed.")(new)


def new(
    context: typer.Context,
    pack: Annotated[Path, typer.Argument(help="The new pack's folder; its name is the pack's.")],
    source: Annotated[
        str, typer.Option("--from", metavar="FILE|topic:NAME", help="A .csv or .jsonl file (.gz, too), or a topic.")
    ],
    messages: Annotated[
        int | None,
        typer.Option(min=1, max=1_000_000, help="Rows or messages to look at: 100000 of a file, 10000 of a topic."),
    ] = None,
    topic: Annotated[str | None, typer.Option(help="The topic that a file's rows will come on.")] = None,
    time: Annotated[str | None, typer.Option(metavar="COLUMN", help="When it happened.")] = None,
    zone: Annotated[str | None, typer.Option(help="Of times that name none, such as Europe/London.")] = None,
    id: Annotated[str | None, typer.Option(metavar="COLUMN", help="What tells one event from another.")] = None,
    type: Annotated[str | None, typer.Option(metavar="COLUMN", help="What kind of event it is.")] = None,
    unit: Annotated[str | None, typer.Option(metavar="COLUMN", help="What is counted once, such as an order.")] = None,
    measure: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN[=VALUE,...]|count", help="What to watch: a mean, events that hold a value, all."),
    ] = None,
    pane: Annotated[str | None, typer.Option(help="How long one pane is, such as 15m.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a pack.yaml that is there.")] = False,
    broker: BrokerChoice = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    from forestall.newpack import Wishes, assert_free, check_wishes, pack_name, pack_yaml, plan_pack, put_pack, try_out
    from triggers.clock import WallClock

    wishes = Wishes(time, id, type, unit, tuple(measure or ()), pane, zone)
    check_wishes(wishes)
    name, clock = pack_name(pack), WallClock()
    found = settings(context, home, broker=broker)
    set_up_logging(found)
    assert_free(pack, force=force)
    if source.startswith(TOPIC) and topic is not None:
        raise UsageError("--topic: --from names the topic already", "Leave it out.")
    if source.startswith(TOPIC) and not source.removeprefix(TOPIC).strip():
        raise UsageError("--from: topic: names no topic", "Write it like topic:shop.payments.")
    if source.startswith(TOPIC):
        sample = asyncio.run(_read_topic(found, source.removeprefix(TOPIC), messages, clock))
    else:
        sample = _read_file(source, messages)
    plan = plan_pack(sample, name, sample.topic or topic or name, wishes, clock.now())
    text = pack_yaml(plan)
    written = put_pack(pack, text)
    trial = asyncio.run(try_out(written, plan, sample, clock))
    if as_json:
        print_json(drafted_json(pack, text, plan, trial))
    else:
        print_drafted(pack, source, text, plan, trial, f" --broker {broker}" if broker else "")


def _read_file(source: str, limit: int | None) -> "Sample":
    from forestall.newpack import read_file

    path = Path(source)
    if not path.is_file():
        raise InputError(f"{source}: no such file; a topic is written topic:NAME", "Correct --from.")
    return read_file(path, limit)


async def _read_topic(found: "Settings", topic: str, limit: int | None, clock: Clock) -> "Sample":
    from forestall.brokers import open_broker
    from forestall.newpack import read_topic

    broker = await open_broker(found, clock)
    try:
        return await read_topic(broker, topic, clock, limit)
    finally:
        await broker.close()
