"""Named leases with a fencing epoch: one owner a partition, one relay an outbox."""

import sqlite3
from dataclasses import dataclass

from ledger.errors import Fenced


@dataclass(frozen=True, slots=True)
class Lease:
    name: str
    owner: str
    epoch: int
    until: int


class Leases:
    """Table `leases`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def acquire(self, name: str, owner: str, now: int, length: int) -> Lease | None:
        """Take or renew; None while somebody else holds it. The owner's own name takes over under a new epoch."""
        row = self._db.execute("SELECT owner, epoch, until FROM leases WHERE name = ?", (name,)).fetchone()
        if row and row[0] != owner and row[2] >= now:
            return None
        lease = Lease(name, owner, (row[1] if row else 0) + 1, now + length)
        self._db.execute("INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?)", (name, owner, lease.epoch, lease.until))
        return lease

    def get(self, name: str) -> Lease | None:
        """The lease as it was given last, which may be over."""
        row = self._db.execute("SELECT name, owner, epoch, until FROM leases WHERE name = ?", (name,)).fetchone()
        return Lease(*row) if row else None

    def is_free(self, name: str, owner: str, now: int) -> bool:
        """Whether `acquire` would succeed: to be asked first by who stands by, since a look wakes nobody."""
        row = self._db.execute("SELECT owner, until FROM leases WHERE name = ?", (name,)).fetchone()
        return row is None or row[0] == owner or row[1] < now

    def renew(self, lease: Lease, now: int, length: int) -> Lease:
        """Raises:
        Fenced: somebody else took it since.
        """
        self.fence(lease)
        self._db.execute("UPDATE leases SET until = ? WHERE name = ?", (now + length, lease.name))
        return Lease(lease.name, lease.owner, lease.epoch, now + length)

    def fence(self, lease: Lease) -> None:
        """Raises:
        Fenced: somebody else took it since.
        """
        row = self._db.execute("SELECT epoch FROM leases WHERE name = ?", (lease.name,)).fetchone()
        if row is None or row[0] != lease.epoch:
            raise Fenced(f"lease {lease.name}: taken by somebody else since epoch {lease.epoch}")

    def release(self, lease: Lease) -> None:
        self._db.execute("UPDATE leases SET until = 0 WHERE name = ? AND epoch = ?", (lease.name, lease.epoch))

    def all(self) -> list[Lease]:
        return [Lease(*row) for row in self._db.execute("SELECT name, owner, epoch, until FROM leases ORDER BY name")]
