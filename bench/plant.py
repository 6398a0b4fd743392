"""A small plant for benchmarks: one measure, one procedure, and a feeder that keeps so many incidents in flight."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from itertools import count

from agents.monitoring import Judged
from contracts import (
    DAY,
    HOUR,
    MINUTE,
    Autonomy,
    AutonomyRule,
    Correlation,
    DetectorSpec,
    Episode,
    EventType,
    Measure,
    Outcome,
    PackManifest,
    Recovery,
    Runbook,
    Signal,
    Situation,
    StandingApproval,
    StreamSpec,
)
from evals.virtual_clock import VirtualClock
from graphs import GRAPH_VERSION, PackRuntime, Services
from ledger import Ledger, Routing, Transaction
from memory import Memory, choose_embedder
from tools import Catalogue, Quote, Result, Toolbox, ToolContext, tool

START = 1_700_000_040 * 1_000_000 // MINUTE * MINUTE
OUTCOME, RECOVERY = "a command's outcome", "the measure to recover"


@tool(effect="keyed")
async def move_valve(context: ToolContext, to: str) -> Result:  # noqa: ARG001
    """Open or shut the relief valve."""
    return {"changed": 1, "to": to}


@move_valve.quote
async def value(context: ToolContext, to: str) -> Quote:  # noqa: ARG001
    return Quote(Decimal(100), detail={"to": to})


@dataclass(frozen=True, slots=True)
class BenchServices(Services):
    """No monitor runs here: the measure is out of order whenever an incident looks before it acts."""

    async def recent(self, pack: str, measure: str, detector: str, key: str) -> list[Judged]:  # noqa: ARG002
        """The last panes of the series."""
        return [Judged(START - MINUTE, START, 12.0, 4.0, 0.5, "anomalous")] * 2


def manifest(mode: str) -> PackManifest:
    return PackManifest(
        pack="plant",
        title="A pump",
        mode=mode,
        streams=(StreamSpec(topic="pumps", types=(EventType(type="pump.read"),)),),
        measures=(
            Measure(
                name="pressure",
                title="Pressure",
                of=("pump.read",),
                aggregate="mean",
                field="bar",
                key="pump",
                pane=MINUTE,
            ),
        ),
        detectors=(DetectorSpec(name="burst", measure="pressure", kind="threshold", settings={"above": 10}),),
        correlation=Correlation(window=HOUR, cooldown=10 * MINUTE),
        autonomy=Autonomy(
            approval_timeout=30 * MINUTE,
            max_lag=100 * 365 * DAY,
            rules=(AutonomyRule(tool="move_valve", may="alone"),),
        ),
        recovery=Recovery(within=20 * MINUTE, panes=3),
    )


def runbook() -> Runbook:
    task = {
        "tool": "move_valve",
        "arguments": {"to": "open"},
        "compensation": {"tool": "move_valve", "arguments": {"to": "shut"}},
    }
    return Runbook.model_validate(
        {
            "runbook": "relieve",
            "title": "Relieve the pressure",
            "situation": "the pressure is too high",
            "applies": {"measure": "pressure", "patterns": ["threshold"]},
            "tasks": [task],
            "recovery": {"within": "20m", "panes": 3},
        }
    )


EARLIER = Episode(
    id="epi-0",
    incident_id="inc-0",
    tenant="default",
    situation=Situation(
        pack="plant",
        detector="burst",
        measure="pressure",
        key="p0",
        pattern="threshold",
        severity=8.0,
        verdict="insufficient",
        attributes={},
        text="threshold of pressure",
    ),
    template="relieve@1",
    lane="recall",
    status="resolved",
    credit="success",
    opened_at=START - 2 * HOUR,
    closed_at=START - HOUR,
    note="the measure recovered after the plan had acted",
)
STANDING = StandingApproval(
    id="sta-1",
    pack="plant",
    tenant="default",
    template="relieve@1",
    value_ceiling=Decimal(1000),
    granted_by="ada",
    granted_at=START - MINUTE,
    expires_at=START + 1000 * DAY,
    because_of="inc-0",
)


async def new_services(ledger: Ledger, story: str) -> Services:
    """Services over a ledger; in the story `act` a standing approval lets the procedure run alone."""
    clock, book = VirtualClock(START), runbook()
    catalogue = Catalogue([move_valve])
    pack = PackRuntime(
        manifest=manifest(story),
        runbooks={book.template: book},
        catalogue=catalogue,
        toolbox=Toolbox(catalogue, {}, clock),
        digest="digest",
    )
    memory = Memory(choose_embedder("hashing"))
    memory.add_runbook("plant", book)
    memory.learn(EARLIER)
    await ledger.transact("bench:standing", lambda tx: tx.people.put_standing(STANDING))
    return BenchServices(
        ledger=ledger, clock=clock, memory=memory, packs={"plant": pack}, routing=Routing(), owner="bench"
    )


class Feeder:
    """The outside: opens incidents, answers commands, lets measures recover; woken by commits."""

    def __init__(self, services: Services, in_flight: int) -> None:
        self._services, self._in_flight = services, in_flight
        self._numbers = count(1)
        self._opened = 0
        self.finished = 0
        self._progress = asyncio.Event()

    async def feed(self, stop: asyncio.Event) -> None:
        ledger = self._services.ledger
        while not stop.is_set():
            seen = ledger.commits
            waiting, unfinished = await ledger.read(_look)
            self.finished = self._opened - unfinished
            self._progress.set()
            wanted = self._in_flight - unfinished
            if waiting or wanted:
                signals = [_signal(next(self._numbers)) for _ in range(wanted)]
                self._opened += wanted
                await ledger.transact(
                    "bench:feed", lambda tx, waiting=waiting, signals=signals: self._send(tx, waiting, signals)
                )
            else:
                await ledger.changed(seen, 1.0)

    def _send(self, tx: Transaction, waiting: list[tuple[str, str]], signals: list[Signal]) -> None:
        correlation = self._services.packs["plant"].manifest.correlation
        for signal in signals:
            tx.incidents.open_or_join(signal, correlation, "digest", GRAPH_VERSION)
        for thread, what in waiting:
            if what == OUTCOME:
                command = tx.commands.of_incident(thread)[0].command
                outcome = Outcome(
                    command_id=command.id, incident_id=thread, status="succeeded", result={"changed": 1, "to": "open"}
                )
                tx.runs.post(thread, f"outcome:{command.id}", {"kind": "outcome", "outcome": outcome.to_json()})
            else:
                at = START + MINUTE
                tx.runs.post(thread, "recovered", {"kind": "recovered", "at": at, "first_normal": at})

    async def until(self, finished: int) -> None:
        """Wait until so many runs are finished."""
        while self.finished < finished:
            self._progress.clear()
            await self._progress.wait()

    async def check(self) -> None:
        """Every finished run went the whole way: nothing here is fast because it fails."""
        docs = await self._services.ledger.read(lambda tx: tx.incidents.all())
        statuses = {doc["status"] for doc in docs if "closed_at" in doc}
        mode = self._services.packs["plant"].manifest.mode
        assert statuses == {"resolved" if mode == "act" else "observed"}, statuses


def _look(tx: Transaction) -> tuple[list[tuple[str, str]], int]:
    runs = tx.runs.unfinished()
    return [(run.thread, run.waiting_for or "") for run in runs if run.status == "waiting"], len(runs)


def _signal(number: int) -> Signal:
    return Signal(
        id=f"sig-{number}",
        tenant="default",
        pack="plant",
        detector="burst",
        measure="pressure",
        key=f"p{number}",
        pattern="threshold",
        onset=START - MINUTE,
        noticed_at=START,
        observed=12.0,
        expected=4.0,
        score=8.0,
    )
