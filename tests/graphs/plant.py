"""A small plant: one pump whose pressure is watched, three tools with a sink of each kind, and who runs it.

Everything outside a process is in `Plant` and survives its crash: the ledger's file, the sinks, the topic, the clock.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from contracts import (
    HOUR,
    MINUTE,
    Autonomy,
    AutonomyRule,
    Correlation,
    DetectorSpec,
    Event,
    EventType,
    Measure,
    PackManifest,
    Recovery,
    Runbook,
    StandingApproval,
    StreamSpec,
    decision_digest,
    encode_event,
)
from contracts.decision import Decision
from evals.operator import Habits, Operator
from evals.virtual_clock import VirtualClock
from graphs import (
    Executor,
    IncidentDriver,
    Incoming,
    PackRuntime,
    PartitionMonitor,
    Services,
    StreamCombiner,
    combiner_lease,
    partition_lease,
    subscription_name,
)
from ledger import Lease, Ledger, Routing, SqliteLedger, Transaction
from memory import Memory, choose_embedder
from tools import Catalogue, Quote, Result, Tool, Toolbox, ToolContext, tool

START = 1_700_000_040 * 1_000_000 // MINUTE * MINUTE
NORMAL, HIGH = 4.0, 12.0
AWAY = Habits(answers_after=10_000 * HOUR, ceiling=None)
PROMPT = Habits(answers_after=2 * MINUTE, ceiling=None)


@dataclass
class Sink:
    """What one tool did, in order: (command, argument). `faults` are raised by its next calls, one each."""

    keyed: bool
    done: list[tuple[str, str]] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)

    def apply(self, command_id: str, what: str) -> Result:
        if self.faults:
            raise self.faults.pop(0)
        if not (self.keyed and self.find(command_id)):
            self.done.append((command_id, what))
        return {"changed": 1, "what": what}

    def find(self, command_id: str) -> Result | None:
        return next(({"changed": 1, "what": what} for made, what in self.done if made == command_id), None)


def new_tools() -> list[Tool]:
    @tool(effect="keyed", announces="plant.valve.moved")
    async def move_valve(context: ToolContext, to: str) -> Result:
        """Open or shut the relief valve."""
        return context.resources["valve"].apply(context.command_id, to)  # type: ignore[no-any-return]

    @move_valve.quote
    async def value(context: ToolContext, to: str) -> Quote:
        return Quote(context.resources["price"][0], detail={"to": to})

    @tool(effect="reconcilable")
    async def call_crew(context: ToolContext, job: str = "inspect") -> Result:
        """Send a crew."""
        return context.resources["crew"].apply(context.command_id, job)  # type: ignore[no-any-return]

    @call_crew.reconcile
    async def sent(context: ToolContext, job: str = "inspect") -> Result | None:  # noqa: ARG001
        return context.resources["crew"].find(context.command_id)  # type: ignore[no-any-return]

    @tool(effect="opaque")
    async def sound_horn(context: ToolContext, times: str = "once") -> Result:
        """Sound the horn."""
        return context.resources["horn"].apply(context.command_id, times)  # type: ignore[no-any-return]

    return [move_valve, call_crew, sound_horn]


def manifest(mode: str = "act", may: str = "approve", **changes: Any) -> PackManifest:
    rules = tuple(AutonomyRule(tool=each, may=may) for each in ("move_valve", "call_crew", "sound_horn"))
    return PackManifest(
        pack="plant",
        title="A pump",
        mode=mode,
        streams=(StreamSpec(topic="pumps", types=(EventType(type="pump.read"),)),),
        measures=(Measure(name="pressure", title="Pressure", of=("pump.read",), aggregate="mean", field="bar",
                          key="pump", pane=MINUTE),),
        detectors=(DetectorSpec(name="burst", measure="pressure", kind="threshold", settings={"above": 10}),),
        correlation=Correlation(window=HOUR, cooldown=10 * MINUTE),
        autonomy=Autonomy(approval_timeout=30 * MINUTE, rules=rules),
        recovery=Recovery(within=20 * MINUTE, panes=3),
        **changes,
    )  # fmt: skip


def runbook(*tools: str, undo: bool = True) -> Runbook:
    """One task a tool, in order; moving the valve can be undone."""
    arguments = {"move_valve": {"to": "open"}, "call_crew": {"job": "repair"}, "sound_horn": {}}
    tasks: list[dict[str, Any]] = []
    for each in tools or ("move_valve", "call_crew", "sound_horn"):
        task: dict[str, Any] = {"tool": each, "arguments": arguments[each]}
        if each == "move_valve" and undo:
            task["compensation"] = {"tool": each, "arguments": {"to": "shut"}}
        if each == "call_crew" and undo:
            task["compensation"] = {"tool": each, "arguments": {"job": "return"}}
        tasks.append(task)
    return Runbook.model_validate(
        {
            "runbook": "relieve",
            "title": "Relieve the pressure",
            "situation": "the pressure is too high",
            "applies": {"measure": "pressure", "patterns": ["threshold"]},
            "tasks": tasks,
            "recovery": {"within": "20m", "panes": 3},
        }
    )


class Plant:
    """The world around the processes. `until` tells, minute by minute, how far the story got."""

    def __init__(self, home: Path, pack: PackManifest | None = None, book: Runbook | None = None) -> None:
        self.home, self.pack, self.book = home, pack or manifest(), book or runbook()
        self.clock = VirtualClock(START)
        self.valve, self.crew, self.horn = Sink(keyed=True), Sink(keyed=False), Sink(keyed=False)
        self.price = [Decimal(100)]
        self.topic: list[Incoming] = []
        self.acked = 0
        self.operator = AWAY

    def open(self, wrap: Callable[[Ledger], Ledger] = lambda ledger: ledger, owner: str = "worker") -> "Process":
        """A process, as it starts."""
        self.home.mkdir(exist_ok=True)
        return Process(self, wrap(SqliteLedger(self.home / "ledger.db")), owner)

    def publish(self, minute: int, bar: float, pump: str = "p1") -> None:
        data = {"bar": bar, "pump": pump}
        event = Event(id=f"{pump}-{minute}", source="/plant", type="pump.read", time=START + minute * MINUTE, data=data)
        self.topic.append(Incoming("pumps", str(len(self.topic)), encode_event(event)))

    def effects(self) -> dict[str, list[str]]:
        """What each sink did, in order."""
        return {
            name: [what for _, what in sink.done]
            for name, sink in (("valve", self.valve), ("crew", self.crew), ("horn", self.horn))
        }


class Process:
    """Monitor, driver, executor and operator over one ledger; `minute` is one tick of the story."""

    def __init__(self, plant: Plant, ledger: Ledger, owner: str) -> None:
        self.plant, self.ledger, self.owner = plant, ledger, owner
        catalogue = Catalogue(new_tools())
        resources = {"valve": plant.valve, "crew": plant.crew, "horn": plant.horn, "price": plant.price}
        self.pack = PackRuntime(
            manifest=plant.pack,
            runbooks={plant.book.template: plant.book},
            catalogue=catalogue,
            toolbox=Toolbox(catalogue, resources, plant.clock),
            digest="digest",
        )
        memory = Memory(choose_embedder("hashing"))
        memory.add_runbook("plant", plant.book)
        self.services = Services(
            ledger=ledger,
            clock=plant.clock,
            memory=memory,
            packs={"plant": self.pack},
            routing=Routing(),
            owner=owner,
        )
        self.driver, self.executor = IncidentDriver(self.services), Executor(self.services)
        self.partition: PartitionMonitor | None = None
        self.combiner: StreamCombiner | None = None

    async def minute(self, number: int, bar: float | None) -> None:
        """One reading, and everything that follows from it."""
        self.plant.clock.move_to(START + number * MINUTE)
        if bar is not None:
            self.plant.publish(number, bar)
        await self.settle()

    async def settle(self, batch: int = 10) -> None:
        """Read on, drain, and let the operator act, until nothing moves."""
        await self._read(batch)
        while await Operator(self.ledger, self.plant.clock, self.plant.operator).act():
            await self.drain()

    async def _read(self, batch: int) -> None:
        """Read to the end of the topic, then close pane after pane and drain behind each that says something."""
        if self.partition is None or self.combiner is None:
            stream, name = self.plant.pack.streams[0], subscription_name("plant", "pumps")
            lease = await self._lease(partition_lease(name, "pumps#0"))
            self.partition = PartitionMonitor(self.services, self.pack, stream, "default", lease)
            lease = await self._lease(combiner_lease(name))
            self.combiner = StreamCombiner(self.services, self.pack, stream, "default", lease)
        while self.plant.acked < len(self.plant.topic):
            messages = self.plant.topic[self.plant.acked : self.plant.acked + batch]
            await self.partition.take(messages)
            self.plant.acked += len(messages)
        await self.drain()
        while (await self.combiner.step())["moved"]:
            await self.drain()

    async def _lease(self, name: str) -> Lease:
        now = self.plant.clock.now()
        lease = await self.ledger.transact(
            "lease:acquire", lambda tx: tx.leases.acquire(name, self.owner, now, 1000 * HOUR)
        )
        assert lease is not None
        return lease

    async def drain(self) -> None:
        """Timers, runs and commands, until nothing moves."""
        moved = True
        while moved:
            now = self.plant.clock.now()
            moved = False
            if await self.ledger.read(lambda tx: (tx.runs.next_due() or now + 1) <= now):  # noqa: B023
                await self.ledger.transact("timers", lambda tx: tx.runs.fire_due(now))  # noqa: B023
                moved = True
            while await self.driver.step():
                moved = True
            while await self.executor.step():
                moved = True

    async def incidents(self) -> list[dict[str, Any]]:
        return await self.ledger.read(lambda tx: tx.incidents.all())

    async def incident(self) -> dict[str, Any]:
        """The only incident."""
        (found,) = await self.incidents()
        return found

    async def decisions(self) -> list[Decision]:
        events = await self.ledger.read(lambda tx: tx.journal.events(type_prefix="forestall.decision.made"))
        return [Decision.model_validate(event.data) for event in events]

    async def digest(self) -> str:
        return decision_digest(await self.decisions())

    async def nodes(self) -> list[str]:
        """The incident graph's decisions, in order."""
        return [each.node for each in await self.decisions() if each.graph == "incident"]

    async def close(self) -> None:
        await self.ledger.close()


Story = Sequence[float]
BURST: Story = (NORMAL, NORMAL, NORMAL, *[HIGH] * 6, *[NORMAL] * 8)
"""High from minute 3 on; back to normal from minute 9 on."""


async def play(process: Process, story: Story = BURST) -> None:
    """The story from its first reading, or from where an earlier process was when it died."""
    plant = process.plant
    begun = len(plant.topic)
    await process.settle()
    for number in range(begun, len(story)):
        await process.minute(number, story[number])


def standing(**changes: Any) -> StandingApproval:
    """Leave for the runbook, as a person gave it once."""
    values: dict[str, Any] = {
        "id": "sta-1",
        "pack": "plant",
        "tenant": "default",
        "template": "relieve@1",
        "value_ceiling": Decimal(1000),
        "granted_by": "ada",
        "granted_at": START - HOUR,
        "expires_at": START + 10 * HOUR,
        "because_of": "inc-0",
    }
    return StandingApproval.model_validate(values | changes)


async def grant(process: Process, **changes: Any) -> None:
    def put(tx: Transaction) -> None:
        tx.people.put_standing(standing(**changes))

    await process.ledger.transact("test:standing", put)
