"""The retail world: a shop in virtual time whose every tick survives a crash."""

import json
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from contracts import Event
from scenarios.retail.archive import archive
from scenarios.retail.effects import EffectRecord, read_effects
from scenarios.retail.errors import OtherWorld, WorldEnded
from scenarios.retail.orders import Order
from scenarios.retail.report import WorldReport, summarise
from scenarios.retail.settings import WorldSettings, instant
from scenarios.retail.simulation import Simulation
from scenarios.retail.store import FILE, WorldStore, connect


class RetailWorld:
    """One world in `home`/world.db, driven by one process at a time; the sinks may be called by others meanwhile.

    A tick is published before it is committed: after a crash in between, `step` gives the same events again, ids
    included, provided that the sinks accepted nothing in between. So whoever reopens a world steps first. What they
    accept between `step` and `commit` counts from the tick after.

    Raises:
        OtherWorld: the file was made with other settings.
    """

    def __init__(self, home: Path, settings: WorldSettings) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._home = home
        self._db = connect(home, create=True)
        self._store = WorldStore(self._db)
        self._simulation = Simulation(settings)
        self._pending: tuple[list[Event], list[Order], int] | None = None
        written = json.dumps(asdict(settings), sort_keys=True)
        stored = self._store.settings()
        if stored is None:
            self._store.create(written, self._simulation)
        elif stored != written:
            self._db.close()
            raise OtherWorld(f"{home / FILE}: made with {stored}, opened with {written}; use another folder")
        self._store.restore(self._simulation)
        self.tick, self._folded = self._store.position()

    @property
    def ended(self) -> bool:
        """Whether the last tick is durable."""
        return self.tick >= self._simulation.settings.ticks

    @property
    def time(self) -> int:
        """The end of the last durable tick, in microseconds."""
        return instant(self.tick)

    def step(self) -> list[Event]:
        """The events of the next tick, by time; nothing durable changes. The first step brings the archive too.

        Raises:
            WorldEnded: there is no next tick.
        """
        if self.ended:
            raise WorldEnded(f"tick: {self.tick} was the last one; look at `ended` before each step")
        if self._pending is None:
            actions, folded = self._store.actions_after(self._folded)
            events, changed = self._simulation.advance(actions)
            if self.tick == 0:
                events = archive(self._simulation.settings) + events
            self._pending = (events, changed, folded)
        return list(self._pending[0])

    def commit(self) -> None:
        """Make the stepped tick durable; without one, there is nothing to do."""
        if self._pending is None:
            return
        _, changed, folded = self._pending
        self._store.save(self._simulation, changed, folded)
        self.tick, self._folded, self._pending = self._simulation.tick, folded, None

    def report(self) -> WorldReport:
        """What became of the orders up to the last durable tick."""
        return summarise(self.tick, self.time, self._store.fates())

    def effects(self) -> tuple[EffectRecord, ...]:
        """All that the sinks ever did, oldest first."""
        return read_effects(self._home)

    def close(self) -> None:
        with closing(self._db):
            self._pending = None
