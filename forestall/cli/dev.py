"""`forestall dev pulsar`: a real broker on this machine, to try things with."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from forestall.cli.options import AsJson, Home, settings
from forestall.cli.screen import print_json, stderr, stdout
from forestall.cli.visible import visible
from forestall.errors import BrokerTrouble, UsageError
from forestall.home import MARKER, home_option

if TYPE_CHECKING:
    from forestall.devbroker import DevPulsar
    from forestall.settings import Settings

Port = Annotated[
    int | None,
    typer.Option("--port", min=0, max=65_535, help="Where clients connect; 6650 by default if free, 0: any free one."),
]
WebPort = Annotated[
    int | None,
    typer.Option("--web-port", min=0, max=65_535, help="Where REST answers; 8080 by default if free, 0: any free one."),
]
LINES = 50


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="What helps while developing.", no_args_is_help=True)
    pulsar = typer.Typer(help="A real Pulsar on this machine.", no_args_is_help=True)
    pulsar.command(help="Fetch Pulsar once, start it, and return when it takes messages.")(up)
    pulsar.command(help="Stop it; its data stay.")(down)
    pulsar.command(help="Tell whether it runs and takes messages; exit code 5 if not.")(status)
    pulsar.command(help="Print the end of its log.")(logs)
    group.add_typer(pulsar, name="pulsar")
    app.add_typer(group, name="dev")


def up(context: typer.Context, port: Port = None, web_port: WebPort = None, home: Home = None) -> None:
    found = settings(context, home)
    console = stderr()
    broker = _broker(found, port, web_port, say=lambda line: console.print(Text(line, "dim"), soft_wrap=True))
    fresh = broker.start()
    out = stdout()
    out.print(Text.assemble(("Pulsar takes messages", "bold"), f" at {broker.url}" + ("" if fresh else ", as before")))
    _print(broker)
    option = home_option(found.home)
    told = f"Use it with --broker pulsar{option}; stop it with forestall dev pulsar down{option}"
    out.print(Text(told, "dim"), soft_wrap=True)


def down(
    context: typer.Context,
    wipe: Annotated[bool, typer.Option("--wipe", help="Remove all topics and messages, too.")] = False,
    home: Home = None,
) -> None:
    broker = _broker(settings(context, home))
    ran = broker.stop()
    if wipe:
        broker.wipe()
    said = "Pulsar was stopped" if ran else "No Pulsar runs here"
    stdout().print(f"{said}; {'its data are gone' if wipe else 'its data stay'}.", soft_wrap=True)


def status(context: typer.Context, home: Home = None, as_json: AsJson = False) -> None:
    broker = _broker(settings(context, home))
    pid = broker.pid
    ready = pid is not None and broker.is_ready()
    addresses: dict[str, Any] = {"url": broker.url, "web_url": broker.web_url} if pid is not None else {}
    if as_json:
        print_json({"running": pid is not None, "ready": ready, "pid": pid, "log": str(broker.log)} | addresses)
    elif ready:
        stdout().print(Text.assemble(("Pulsar takes messages", "bold"), f" at {broker.url}"))
        _print(broker)
    if ready:
        return
    if as_json:
        raise typer.Exit(BrokerTrouble.exit_code)
    if pid is None:
        raise BrokerTrouble("no Pulsar runs here", "Start one with forestall dev pulsar up.")
    raise BrokerTrouble(f"Pulsar runs (process {pid}) and takes no messages", "See forestall dev pulsar logs.")


def logs(
    context: typer.Context,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written, until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines.")] = LINES,
    home: Home = None,
) -> None:
    from forestall.devbroker import follow_log

    broker = _broker(settings(context, home))
    for line in broker.tail(lines):
        typer.echo(visible(line, one_line=True))
    if follow:
        for line in follow_log(broker.log):
            typer.echo(visible(line, one_line=True))


def _broker(found: "Settings", port: int | None = None, web_port: int | None = None, **options: Any) -> "DevPulsar":
    from forestall.brokers import dev_folder
    from forestall.devbroker import DevPulsar

    if (found.home / MARKER).is_file():
        raise UsageError(
            f"{found.home}: is a demo's home, which is emptied at will", "Give Pulsar another with --home."
        )
    return DevPulsar(dev_folder(found.home), port, web_port, distribution=found.pulsar_dist, **options)


def _print(broker: "DevPulsar") -> None:
    for label, told in (("web", broker.web_url), ("process", str(broker.pid)), ("log", str(broker.log))):
        stdout().print(Text.assemble((f"  {label:<9}", "dim"), told), soft_wrap=True)
