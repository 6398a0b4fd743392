"""The three outside systems that tools act on, each durable and each with its own manners.

Each call opens world.db for itself, so that any thread or process may make it; the world folds in at its next tick what
they accepted.
"""

from contextlib import closing
from pathlib import Path

from scenarios.retail.actions import Divert, Mail, Move, Restore, Switch
from scenarios.retail.effects import Result, append, find, newest_first
from scenarios.retail.snapshot import Snapshot
from scenarios.retail.store import connect, read_snapshot, transaction


class OrderManagement:
    """Keyed: it accepts a command's id and applies it once; the second time it answers as the first."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def apply(self, command_id: str, what: Move | Switch, result: Result) -> Result:
        """Accept the change, unless this command's was accepted before."""
        with closing(connect(self._home)) as db, transaction(db):
            return find(db, "oms", command_id) or append(db, "oms", command_id, what, result)

    def find(self, command_id: str) -> Result | None:
        """What this command was answered, or None when it was never accepted."""
        with closing(connect(self._home)) as db:
            return find(db, "oms", command_id)

    def snapshot(self) -> Snapshot:
        """The shop at the last durable tick."""
        with closing(connect(self._home)) as db:
            return read_snapshot(db)

    def last_moved(self, warehouse: str) -> tuple[int, ...]:
        """The orders of the latest rerouting away from a warehouse, by number; none without one."""
        with closing(connect(self._home)) as db:
            moves = (action for action in newest_first(db, "oms") if isinstance(action, Move))
            return next((tuple(sorted(move.targets)) for move in moves if move.warehouse == warehouse), ())


class RoutingService:
    """Reconcilable: it applies whatever it is told, twice if told twice, and can be asked about a command."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def apply(self, command_id: str, what: Divert | Restore, result: Result) -> Result:
        with closing(connect(self._home)) as db, transaction(db):
            return append(db, "routing", command_id, what, result)

    def find(self, command_id: str) -> Result | None:
        """What this command was answered the first time, or None when it was never applied."""
        with closing(connect(self._home)) as db:
            return find(db, "routing", command_id)


class MailGateway:
    """Opaque: it sends whenever it is called, and knows of no command."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def send(self, orders: tuple[int, ...], result: Result) -> Result:
        with closing(connect(self._home)) as db, transaction(db):
            return append(db, "mail", None, Mail(orders), result)
