"""The composition root: the only place where ledger, broker, packs, memory, tools and model meet."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from agents.planning import Planner
from contracts import DAY, Clock
from evals import VirtualClock
from forestall.brokers import open_broker, uses_pulsar
from forestall.errors import SettingsError
from forestall.packs import Pack
from forestall.settings import Settings
from graphs import RUNS_IN_FLIGHT, PackRuntime, Services
from ledger import Ledger, Retention, Routing, SqliteLedger
from memory import Memory, choose_embedder, split_markdown
from tools import Toolbox
from triggers import Intake, Relay, Webhook, Worker
from triggers.brokers import Broker

LEDGER_FILE = "ledger.db"


@dataclass(frozen=True, slots=True)
class App:
    """Everything of one process, open."""

    services: Services
    worker: Worker
    broker: Broker
    ledger: Ledger
    intakes: tuple[Intake, ...]


@asynccontextmanager
async def open_app(
    settings: Settings,
    packs: Sequence[Pack],
    clock: Clock,
    *,
    owner: str,
    planner: Planner | None = None,
    wrap_ledger: Callable[[Ledger], Ledger] | None = None,
    wrap_broker: Callable[[Broker], Broker] | None = None,
) -> AsyncIterator[App]:
    """Open ledger and broker under the settings' home and compose a worker for the packs.

    `owner` is this process's name in leases. `wrap_ledger` and `wrap_broker` put another ledger or broker around
    the real one.

    Raises:
        LedgerError, BrokerError: a file cannot be used; the message says why and what to do.
        SettingsError: a model is named, and nothing says how to reach it.
    """
    home = settings.home
    async with AsyncExitStack() as stack:
        ledger: Ledger = await asyncio.to_thread(SqliteLedger, home / LEDGER_FILE)  # it may have to wait for others
        stack.push_async_callback(ledger.close)
        if wrap_ledger is not None:
            ledger = wrap_ledger(ledger)
        name = await _identified(ledger) if uses_pulsar(settings) else None
        broker = await open_broker(settings, clock, owner=owner, ledger=name)
        stack.push_async_callback(broker.close)
        if wrap_broker is not None:
            broker = wrap_broker(broker)
        url = settings.webhook_url.get_secret_value() if settings.webhook_url else None
        services = Services(
            ledger=ledger,
            clock=clock,
            memory=_memory(packs),
            packs={pack.name: _runtime(pack, home, clock) for pack in packs},
            routing=Routing(webhook=url is not None),
            owner=owner,
            planner=planner if planner is not None else _planner(settings),
            in_flight=1 if isinstance(clock, VirtualClock) else RUNS_IN_FLIGHT,
        )
        webhook = None
        if url is not None:
            client = await stack.enter_async_context(httpx.AsyncClient())
            webhook = Webhook(services, url, client)
        intakes = tuple(
            Intake(services, services.packs[pack.name], stream, broker, settings.tenant)
            for pack in packs
            for stream in pack.manifest.streams
        )
        retention = Retention(
            inbox_us=settings.repetition_days * DAY,
            incidents_us=settings.retention_days * DAY,
            journal_us=settings.retention_days * DAY,
        )
        worker = Worker(services, intakes, Relay(services, broker), webhook, batch=settings.batch, retention=retention)
        stack.push_async_callback(worker.close)
        yield App(services, worker, broker, ledger, intakes)


async def _identified(ledger: Ledger) -> str:
    """The ledger's own id, made once: others that use the same broker have another."""
    if (found := await ledger.read(lambda tx: tx.docs.identity())) is not None:
        return found
    return await ledger.transact("identity", lambda tx: tx.docs.identify(secrets.token_hex(8)))


def _runtime(pack: Pack, home: Path, clock: Clock) -> PackRuntime:
    return PackRuntime(
        manifest=pack.manifest,
        runbooks={runbook.template: runbook for runbook in pack.runbooks},
        catalogue=pack.catalogue,
        toolbox=Toolbox(pack.catalogue, pack.resources(home), clock),
        digest=pack.digest,
    )


def _memory(packs: Sequence[Pack]) -> Memory:
    memory = Memory(choose_embedder("hashing"))
    for pack in packs:
        for runbook in pack.runbooks:
            memory.add_runbook(pack.name, runbook)
        for title, text in pack.knowledge:
            for note in split_markdown(title, text):
                memory.add_note(pack.name, note)
    return memory


def _planner(settings: Settings) -> Planner | None:
    """A planner over the configured chat model; none without one. The client costs a second to import."""
    if settings.model is None:
        return None
    if settings.model_api_key is None and settings.model_base_url is None:
        problem = "FORESTALL_MODEL_API_KEY: not set; set it, or FORESTALL_MODEL_BASE_URL for a service that wants none"
        raise SettingsError([problem])
    from langchain_openai import ChatOpenAI

    from agents.planning import ModelPlanner
    from prompts import load_prompt

    options: dict[str, Any] = {"base_url": settings.model_base_url} if settings.model_base_url else {}
    model = ChatOpenAI(
        model=settings.model,
        api_key=settings.model_api_key or SecretStr("none"),  # never another service's key from the environment
        timeout=settings.model_timeout_s,
        max_retries=0,
        stream_usage=True,
        temperature=0,
        **options,
    )
    return ModelPlanner(model, load_prompt("plan_incident"))
