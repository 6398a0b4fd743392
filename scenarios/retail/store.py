"""world.db: where the shop's state and what the sinks accepted survive a crash."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from scenarios.retail.actions import Action, decode_action
from scenarios.retail.demand import Demand
from scenarios.retail.orders import Order
from scenarios.retail.report import Fate
from scenarios.retail.settings import TICKS_PER_DAY
from scenarios.retail.simulation import Server, Simulation
from scenarios.retail.snapshot import OpenOrder, Snapshot

FILE = "world.db"
BUSY_TIMEOUT_S = 30.0


def connect(home: Path, *, create: bool = False) -> sqlite3.Connection:
    """A durable connection: WAL, synchronous=FULL, explicit transactions.

    Raises:
        sqlite3.OperationalError: there is no such file (unless `create`), or WAL cannot be had there.
    """
    uri = f"{(home / FILE).absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    connection.execute("PRAGMA synchronous=FULL")
    if (mode, connection.execute("PRAGMA synchronous").fetchone()[0]) != ("wal", 2):
        raise sqlite3.OperationalError(f"{home / FILE}: journal mode is {mode}; use a folder on a local disk")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """One write transaction; whatever is raised inside rolls it back."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


class WorldStore:
    """The world's rows."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        connection.executescript(files("scenarios.retail").joinpath("schema.sql").read_text())

    def settings(self) -> str | None:
        """What the world was made with, or None in a new file."""
        row = self._db.execute("SELECT settings FROM world").fetchone()
        return None if row is None else str(row[0])

    def create(self, settings: str, simulation: Simulation) -> None:
        """Write tick 0."""
        with transaction(self._db):
            self._db.execute("INSERT INTO world VALUES (1, ?, 0, 0)", (settings,))
            self._save_network(simulation)

    def save(self, simulation: Simulation, changed: Iterable[Order], folded_effect: int) -> None:
        """Make one tick durable."""
        with transaction(self._db):
            self._db.executemany(f"REPLACE INTO orders VALUES ({', '.join('?' * 18)})", map(_row, changed))
            self._save_network(simulation)
            self._db.execute("UPDATE world SET tick = ?, folded_effect = ?", (simulation.tick, folded_effect))

    def _save_network(self, simulation: Simulation) -> None:
        self._db.executemany(
            "REPLACE INTO stock VALUES (?, ?, ?)", [(*shelf, units) for shelf, units in simulation.stock.items()]
        )
        self._db.executemany(
            "REPLACE INTO servers VALUES (?, ?, ?, ?)",
            [(name, each.rate, each.credit, each.avoided_until) for name, each in simulation.servers.items()],
        )

    def position(self) -> tuple[int, int]:
        """The last durable tick, and the last effect that it folded in."""
        tick, folded = self._db.execute("SELECT tick, folded_effect FROM world").fetchone()
        return tick, folded

    def restore(self, simulation: Simulation) -> None:
        """Bring a new simulation to the last durable tick."""
        simulation.tick, _ = self.position()
        demands = {demand.number: demand for tick in simulation.book[: simulation.tick] for demand in tick}
        columns = "number, state, warehouse, carrier, promised_at, strain, doubt, slipped, mailed, moved_from"
        for row in self._db.execute(f"SELECT {columns}, closed, arrives FROM orders ORDER BY number"):
            simulation.orders[row[0]] = _order(demands[row[0]], row)
        simulation.open = [order for order in simulation.orders.values() if order.state == "open"]
        for warehouse, category, available in self._db.execute("SELECT * FROM stock"):
            simulation.stock[warehouse, category] = available
        for name, *server in self._db.execute("SELECT * FROM servers"):
            simulation.servers[name] = Server(*server)

    def actions_after(self, effect: int) -> tuple[list[Action], int]:
        """What the sinks accepted since, oldest first, and the last one's number."""
        rows = self._db.execute("SELECT id, what FROM effects WHERE id > ? ORDER BY id", (effect,)).fetchall()
        return [decode_action(what) for _, what in rows], rows[-1][0] if rows else effect

    def fates(self) -> Iterator[Fate]:
        rows = self._db.execute("SELECT state, value, promised_at, arrives FROM orders")
        return (Fate(*row) for row in rows)


def read_snapshot(db: sqlite3.Connection) -> Snapshot:
    """The shop at the last durable tick, read in one transaction."""
    db.execute("BEGIN")
    try:
        tick = db.execute("SELECT tick FROM world").fetchone()[0]
        columns = "number, warehouse, carrier, country, category, value, ready, due, promised_at"
        orders = db.execute(f"SELECT {columns} FROM orders WHERE state = 'open' ORDER BY number").fetchall()
        recent = db.execute("SELECT warehouse, carrier FROM orders WHERE placed > ?", (tick - TICKS_PER_DAY,))
        placed = Counter(name for row in recent for name in row)
        stock = {(row[0], row[1]): row[2] for row in db.execute("SELECT * FROM stock")}
        rates = dict(db.execute("SELECT name, rate FROM servers").fetchall())
    finally:
        db.execute("ROLLBACK")
    return Snapshot(tick, tuple(OpenOrder(*row) for row in orders), stock, rates, placed)


def _row(order: Order) -> tuple[object, ...]:
    demand = order.demand
    wish = (demand.number, order.state, demand.placed, order.warehouse, order.carrier, demand.country, demand.category)
    progress = (demand.value, order.promised_at, order.ready, order.due, order.strain, order.doubt, order.slipped)
    return (*wish, *progress, order.mailed, order.moved_from, order.closed, order.arrives)


def _order(demand: Demand, row: tuple[Any, ...]) -> Order:
    _, state, warehouse, carrier, promised_at, strain, doubt, slipped, mailed, moved_from, closed, arrives = row
    return Order(
        demand,
        warehouse,
        carrier,
        promised_at,
        state,
        strain,
        doubt,
        bool(slipped),
        bool(mailed),
        moved_from,
        closed,
        arrives,
    )
