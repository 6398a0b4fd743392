"""`forestall demo`: a scenario played through the whole of Forestall, told while it happens."""

import asyncio
import secrets
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from forestall.cli.failures import Interrupted
from forestall.cli.options import AsJson, BrokerChoice, settings
from forestall.cli.questions import os_user
from forestall.cli.screen import print_json, program, stderr, stdout
from forestall.errors import NotFound, UsageError
from forestall.home import assert_demo_home, begin, playing, story_in

if TYPE_CHECKING:
    from evals import Variant
    from forestall.demo import DemoResult

NONE = "none"
DEFAULT_SEED = 7


def register(app: typer.Typer) -> None:
    app.command(help="Play a scenario in virtual time, told while it happens.")(demo)


def demo(
    context: typer.Context,
    scenario: Annotated[str, typer.Argument(help="What is played: retail.")] = "retail",
    seed: Annotated[int | None, typer.Option(help=f"Another seed, another shop. By default {DEFAULT_SEED}.")] = None,
    degrade: Annotated[
        str | None, typer.Option(help="Warehouses that fail, in order, such as A,C; none: a quiet week.")
    ] = None,
    cause: Annotated[
        str | None, typer.Option(help="payment: the card provider fails instead, which looks alike.")
    ] = None,
    self_heal: Annotated[
        bool, typer.Option("--self-heal", help="The trouble ends by itself before anybody answers.")
    ] = False,
    novel: Annotated[bool, typer.Option("--novel", help="A carrier fails: no runbook fits.")] = False,
    days: Annotated[int | None, typer.Option(min=1, max=60, help="Virtual days to play; the whole story: 6.")] = None,
    model: Annotated[
        Literal["scripted"] | None, typer.Option(help="scripted: a scripted model on loopback plans what is new.")
    ] = None,
    interactive: Annotated[
        bool, typer.Option("--interactive", help="You are the operator: you approve and grant.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a demo that was interrupted.")] = False,
    batch: Annotated[
        int, typer.Option(min=1, max=10_000, help="Events committed at once; changes the speed alone.")
    ] = 500,
    broker: BrokerChoice = None,
    partitions: Annotated[
        int | None, typer.Option(min=1, max=64, help="Partitions of the topic; by default 1. They change nothing.")
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, max=16, help="Workers that share the partitions; they change nothing.")
    ] = 1,
    folder: Annotated[
        Path | None, typer.Option("--dir", help="Where it is played; made anew each time. By default HOME/demo-retail.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    home = folder or settings(context).home / f"demo-{scenario}"
    story: dict[str, Any] = {
        "scenario": scenario,
        "seed": DEFAULT_SEED if seed is None else seed,
        "degrade": _degrade(degrade),
        "cause": cause,
        "self_heal": self_heal,
        "novel": novel,
        "days": days,
        "model": model,
        "broker": broker,
        "partitions": partitions,
    }
    if interactive and as_json:
        raise UsageError("--interactive and --json: questions have no place in JSON; leave one of them out")
    if not resume:
        _find(story)  # refuses a wrong variant before anything is emptied
        assert_demo_home(home)
    again = " ".join([program(), "demo", scenario, "--resume", *([f"--dir {home}"] if folder else [])])
    with playing(home):
        if resume:
            story = _resumed(story_in(home), story, asked=_asked(story, seed, degrade))
        else:
            begin(home, story | {"prefix": f"demo-{secrets.token_hex(4)}-" if broker == "pulsar" else ""})
            story = story_in(home)
        load = _load(context, story, batch, workers)
        try:
            result = _play(story, home, load, as_json=as_json, interactive=interactive)
        except KeyboardInterrupt:
            raise Interrupted(f"Interrupted. It goes on where it stopped with: {again}") from None
    if as_json:
        print_json({"scenario": scenario, "home": str(home), "variant": story, **result.to_json()})


def _load(context: typer.Context, story: dict[str, Any], batch: int, workers: int) -> dict[str, Any]:
    """How the work is spread, as `DemoOptions` takes it: none of it changes the story."""
    load = {"batch": batch, "workers": workers, "partitions": story.get("partitions") or 1}
    if story.get("broker") != "pulsar":
        return load
    from forestall.brokers import broker_address

    found = settings(context, broker="pulsar")
    pulsar = {name: value for name, value in found if name.startswith("pulsar_")}
    return load | {"pulsar": pulsar | {"pulsar_url": broker_address(found)}, "prefix": story.get("prefix", "")}


def _degrade(text: str | None) -> list[str] | None:
    if text is None:
        return None
    return [] if text.lower() == NONE else [name.strip().upper() for name in text.split(",") if name.strip()]


def _asked(story: dict[str, Any], seed: int | None, degrade: str | None) -> dict[str, Any]:
    """The parts of the story that were given as options."""
    given = {name: value for name, value in story.items() if value and name not in ("scenario", "seed", "degrade")}
    return given | ({"seed": seed} if seed is not None else {}) | ({"degrade": story["degrade"]} if degrade else {})


def _resumed(kept: dict[str, Any], story: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """The story that was begun; another one cannot be resumed.

    Raises:
        UsageError: an option says otherwise.
    """
    for name in ("scenario", *asked):
        if kept.get(name) != story[name]:
            told = f"--{name.replace('_', '-')}: the demo that was begun here has {kept.get(name)!r}"
            raise UsageError(told, "Leave the option out to go on with it, or leave out --resume to begin anew.")
    return kept


def _variant(story: dict[str, Any]) -> "Variant":
    from evals import Variant

    degrade = story["degrade"]
    return Variant(
        seed=story["seed"],
        degrade=None if degrade is None else tuple(degrade),
        cause=story["cause"],
        self_heal=story["self_heal"],
        novel=story["novel"],
        days=story["days"],
    )


def _find(story: dict[str, Any]) -> Any:
    from forestall.demo import find_scenario

    try:
        return find_scenario(story["scenario"], _variant(story))
    except NotFound as error:
        raise NotFound(str(error), "Play it with forestall demo retail.") from error
    except ValueError as error:
        given = story["degrade"] or []
        told = str(error).replace(repr(tuple(given)), ",".join(given))
        raise UsageError(told, "See forestall demo --help.") from error


def _play(story: dict[str, Any], home: Path, load: dict[str, Any], *, as_json: bool, interactive: bool) -> "DemoResult":
    from forestall.cli.demo_operators import AskingOperator, ToldOperator
    from forestall.cli.demo_summary import print_summary
    from forestall.cli.timeline import Timeline
    from forestall.demo import DemoOptions, default_habits, play

    scenario, variant = _find(story), _variant(story)
    timeline = Timeline(stderr() if as_json else stdout(), scenario.troubles, quiet=as_json, interactive=interactive)
    habits = default_habits(variant)
    if interactive:
        habits = replace(habits, name=os_user())
    options = DemoOptions(
        variant=variant,
        home=home,
        **load,
        operator=lambda ledger, clock: (AskingOperator if interactive else ToldOperator)(
            ledger, clock, habits, timeline
        ),
        scripted_model=story["model"] == "scripted",
    )
    timeline.begin(_headline(story, asdict(variant)))
    with timeline:
        result = asyncio.run(play(scenario, options, lambda _, clock: timeline.tick(clock.now())))
    if not as_json:
        print_summary(timeline.console, result, home, story, interactive=interactive)
        if load.get("prefix"):
            timeline.console.print(f"Its topics stay on the broker: {load['prefix']}*. Delete them there if you like.")
    return result


def _headline(story: dict[str, Any], variant: dict[str, Any]) -> str:
    told = [f"seed {variant['seed']}"]
    if story["cause"]:
        told.append(f"cause {story['cause']}")
    if story["degrade"] is not None:
        told.append("degrade " + (",".join(story["degrade"]) or NONE))
    if story["days"] is not None:
        told.append(f"{story['days']} days")
    told += [name for name, flag in (("self-heal", "self_heal"), ("novel", "novel")) if story[flag]]
    told += [f"{name} {story[name]}" for name in ("model", "broker", "partitions") if story.get(name)]
    return f"demo {story['scenario']} · " + " · ".join(told)
