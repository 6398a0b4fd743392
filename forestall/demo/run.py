"""Playing a scenario through the whole of Forestall, in virtual time."""

import importlib
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from contracts import HOUR, MINUTE, Clock, install_command
from evals.operator import Habits, Operator
from evals.scenario import Scenario, Variant
from evals.scripted_model import ScriptedModel, plan_for_novel_retail
from evals.virtual_clock import VirtualClock
from evals.world_driver import WorldDriver
from forestall.bootstrap import App, open_app
from forestall.demo.prefixed import PrefixedBroker
from forestall.demo.result import DemoResult, scored
from forestall.errors import NotFound, UsageError
from forestall.packs import Pack, load_pack
from forestall.settings import Settings
from governance import set_mode
from graphs import subscription_name
from ledger import Ledger, Transaction
from triggers.brokers import Broker

OWNER = "demo"
PROMPT_ANSWER = 15 * MINUTE
SLOW_ANSWER = 5 * HOUR
"""In the self-heal variant the operator is away, so that the trouble is over before anybody answers."""


def find_scenario(name: str, variant: Variant) -> Scenario:
    """The scenario of that name.

    Raises:
        NotFound: there is none.
        UsageError: the solver that its tools need is not installed.
        ValueError: a part of the variant is unknown.
    """
    try:
        module = importlib.import_module(f"scenarios.{name}.scenario")
    except ModuleNotFoundError as error:
        raise NotFound(f"demo {name!r}: there is no such scenario; known: retail") from error
    if find_spec("ortools") is None:
        raise UsageError(f"demo {name}: OR-tools is not installed", f"Install it: {install_command('solvers')}")
    found: Scenario = module.scenario(variant)
    return found


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """How a scenario is played.

    `habits` None plays no operator. `operator` makes another one in its place, such as one that asks the person at the
    terminal. `scripted_model` puts a scripted endpoint on loopback in the place of a model. `wrap_ledger` puts another
    ledger around the real one. `partitions` of the topic and `workers`, each with connections and leases of its own,
    share the load and change nothing else. With `pulsar` (the settings of that name) the topics are there, their names
    beginning with `prefix`.
    """

    variant: Variant
    home: Path
    batch: int = 500
    habits: Habits | None = None
    operator: Callable[[Ledger, Clock], Operator] | None = None
    scripted_model: bool = False
    wrap_ledger: Callable[[Ledger], Ledger] | None = None
    partitions: int = 1
    workers: int = 1
    pulsar: Mapping[str, Any] | None = None
    prefix: str = ""


def default_habits(variant: Variant) -> Habits:
    """Answers within a quarter of an hour, except where the story is that nobody did."""
    return Habits(answers_after=SLOW_ANSWER if variant.self_heal else PROMPT_ANSWER)


OnTick = Callable[[App, VirtualClock], None]


async def play(scenario: Scenario, options: DemoOptions, on_tick: OnTick | None = None) -> DemoResult:
    """Play a scenario to its end and score it. A home that holds an interrupted play goes on where it stopped."""
    options.home.mkdir(parents=True, exist_ok=True)
    pack = load_pack(scenario.pack)
    world = scenario.world(options.home)
    clock = VirtualClock(world.time)
    async with AsyncExitStack() as stack:
        model = stack.enter_context(ScriptedModel(plan_for_novel_retail)) if options.scripted_model else None
        settings = _settings(options, model)
        apps = [
            await stack.enter_async_context(_open(settings, pack, clock, options, OWNER if n == 1 else f"{OWNER}-{n}"))
            for n in range(1, options.workers + 1)
        ]
        app = apps[0]
        await _prepare(app, scenario.topic, pack, options)
        await app.ledger.transact("mode", lambda tx: _act(tx, pack.name, clock.now()))
        operator = _operator(options, app.ledger, clock)
        driver = WorldDriver(
            world,
            scenario.topic,
            broker=app.broker,
            ledger=app.ledger,
            workers=[each.worker for each in apps],
            clock=clock,
            operator=operator,
        )
        await driver.run(None if on_tick is None else lambda: on_tick(app, clock))
        lost, without, oracle = world.lost(), scenario.lost_off(), scenario.lost_oracle()
        return await app.ledger.read(lambda tx: scored(tx, scenario.troubles, lost, without, oracle))


def _open(
    settings: Settings, pack: Pack, clock: VirtualClock, options: DemoOptions, owner: str
) -> AbstractAsyncContextManager[App]:
    def prefixed(broker: Broker) -> Broker:
        return PrefixedBroker(broker, options.prefix) if options.prefix else broker

    return open_app(settings, [pack], clock, owner=owner, wrap_ledger=options.wrap_ledger, wrap_broker=prefixed)


async def _prepare(app: App, topic: str, pack: Pack, options: DemoOptions) -> None:
    """The topic with its partitions and the subscription: Pulsar drops what nobody is subscribed to."""
    if options.partitions > 1:
        await app.broker.create_topic(topic, options.partitions)
    for stream in pack.manifest.streams:
        await app.broker.ensure_subscription(stream.name, subscription_name(pack.name, stream.name))


def _operator(options: DemoOptions, ledger: Ledger, clock: Clock) -> Operator | None:
    if options.operator is not None:
        return options.operator(ledger, clock)
    return Operator(ledger, clock, options.habits) if options.habits else None


def _settings(options: DemoOptions, model: ScriptedModel | None) -> Settings:
    """A demo is the same everywhere: what the environment configures besides has no part in it."""
    return Settings(
        _env_file=None,
        home=options.home,
        batch=options.batch,
        tenant="default",
        model="scripted" if model else None,
        model_base_url=model.base_url if model else None,
        model_api_key=SecretStr("scripted") if model else None,
        webhook_url=None,
        broker="embedded" if options.pulsar is None else "pulsar",
        **(options.pulsar or {}),
    )


def _act(tx: Transaction, pack: str, now: int) -> None:
    if tx.docs.switch(f"mode:{pack}") is None:
        set_mode(tx, pack, "act", person=OWNER, now=now)
