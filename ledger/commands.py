"""The command ledger: each command is claimed once, and its outcome is recorded once."""

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice

from contracts import SECOND, Command, Effect, Outcome
from ledger.errors import Fenced

CLAIM_MICROS = 300 * SECOND
"""How long a claim holds beyond the time that the command may take: to ask the sink, and to call it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Leave to run a command. `interrupted`: an earlier claim recorded no outcome, so the effect may have happened."""

    command: Command
    effect: Effect
    epoch: int
    attempts: int
    interrupted: bool


@dataclass(frozen=True, slots=True)
class CommandRow:
    command: Command
    effect: Effect
    status: str
    attempts: int
    owner: str | None
    created_at: int
    outcome: Outcome | None


class Commands:
    """Table `commands`. Status: `ready`, `doubtful` (ready, but it may have happened), `claimed`, `done`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def add(self, command: Command, effect: Effect, now: int) -> bool:
        """Once an id; False when it was there already."""
        cursor = self._db.execute(
            "INSERT OR IGNORE INTO commands (id, incident, pack, ordinal, effect, body, status, next_at, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, 'ready', ?, ?)",
            (
                command.id,
                command.incident_id,
                command.pack,
                command.ordinal,
                effect,
                command.model_dump_json(),
                now,
                now,
            ),
        )
        return cursor.rowcount == 1

    def add_published(self, command: Command, now: int) -> bool:
        """A command that somebody else runs: told once, by its event. Nobody here claims it, and no outcome is known.

        Returns:
            False when it was there already.
        """
        cursor = self._db.execute(
            "INSERT OR IGNORE INTO commands (id, incident, pack, ordinal, effect, body, status, next_at, created_at)"
            " VALUES (?, ?, ?, ?, 'keyed', ?, 'done', ?, ?)",
            (command.id, command.incident_id, command.pack, command.ordinal, command.model_dump_json(), now, now),
        )
        return cursor.rowcount == 1

    def next_ready(self, owner: str, now: int, packs: Collection[str] | None = None) -> Command | None:
        """The oldest that could be claimed; of these packs, where given: others must not stand in its way."""
        return next(iter(self.ready(owner, now, 1, packs)), None)

    def ready(
        self, owner: str, now: int, limit: int, packs: Collection[str] | None = None, held: Collection[str] = ()
    ) -> list[Command]:
        """The oldest that could be claimed, but for those that the owner has in hand already."""
        rows = self._db.execute(
            "SELECT id, pack, body FROM commands WHERE status <> 'done' AND next_at <= ?"
            " AND (status <> 'claimed' OR owner = ? OR lease_until < ?) ORDER BY created_at, incident, ordinal",
            (now, owner, now),
        )
        fit = (body for name, pack, body in rows if name not in held and (packs is None or pack in packs))
        return [Command.model_validate_json(body) for body in islice(fit, limit)]

    def claimed_elsewhere(self, owner: str, now: int) -> bool:
        """Whether somebody else has a command under way."""
        query = "SELECT 1 FROM commands WHERE status = 'claimed' AND owner <> ? AND lease_until >= ? LIMIT 1"
        return self._db.execute(query, (owner, now)).fetchone() is not None

    def claim(self, command_id: str, owner: str, now: int) -> Claim | None:
        """Take it under a new epoch; None when it is done, or held by another owner."""
        row = self._db.execute(
            "SELECT body, effect, status, epoch, attempts FROM commands WHERE id = ? AND status <> 'done'"
            " AND (status <> 'claimed' OR owner = ? OR lease_until < ?)",
            (command_id, owner, now),
        ).fetchone()
        if row is None:
            return None
        body, effect, status, epoch, attempts = row
        command = Command.model_validate_json(body)
        until = now + 2 * command.timeout_s * SECOND + CLAIM_MICROS
        self._db.execute(
            "UPDATE commands SET status = 'claimed', owner = ?, epoch = ?, attempts = ?, lease_until = ? WHERE id = ?",
            (owner, epoch + 1, attempts + 1, until, command_id),
        )
        return Claim(command, effect, epoch + 1, attempts + 1, status != "ready")

    def release(self, claim: Claim, next_at: int, *, doubtful: bool, counted: bool = True) -> None:
        """Give it back, to be claimed again from `next_at` on.

        `doubtful`: its effect may have happened, so the next claim is an interrupted one. Not `counted`: the attempt
        does not count (it was frozen).

        Raises:
            Fenced: the claim was taken over since.
        """
        self._fence(claim)
        status, attempts = "doubtful" if doubtful else "ready", claim.attempts if counted else claim.attempts - 1
        self._db.execute(
            "UPDATE commands SET status = ?, owner = NULL, lease_until = 0, next_at = ?, attempts = ? WHERE id = ?",
            (status, next_at, attempts, claim.command.id),
        )

    def record(self, claim: Claim, outcome: Outcome) -> None:
        """Raises:
        Fenced: the claim was taken over since.
        """
        self._fence(claim)
        self._db.execute(
            "UPDATE commands SET status = 'done', owner = NULL, lease_until = 0, outcome = ? WHERE id = ?",
            (outcome.model_dump_json(), claim.command.id),
        )

    def settle(self, command_id: str, outcome: Outcome) -> bool:
        """A person's word on a command whose outcome is unknown; False when there is no such command."""
        row = self.get(command_id)
        if row is None or row.outcome is None or row.outcome.status != "unknown":
            return False
        self._db.execute("UPDATE commands SET outcome = ? WHERE id = ?", (outcome.model_dump_json(), command_id))
        return True

    def get(self, command_id: str) -> CommandRow | None:
        rows = self._rows("WHERE id = ?", (command_id,))
        return rows[0] if rows else None

    def of_incident(self, incident_id: str) -> list[CommandRow]:
        return self._rows("WHERE incident = ? ORDER BY created_at, ordinal", (incident_id,))

    def open(self) -> list[CommandRow]:
        return self._rows("WHERE status <> 'done' ORDER BY created_at, ordinal", ())

    def _rows(self, where: str, values: tuple[object, ...]) -> list[CommandRow]:
        rows = self._db.execute(
            f"SELECT body, effect, status, attempts, owner, created_at, outcome FROM commands {where}", values
        )
        return [
            CommandRow(
                Command.model_validate_json(body),
                effect,
                status,
                attempts,
                owner,
                created_at,
                Outcome.model_validate_json(outcome) if outcome else None,
            )
            for body, effect, status, attempts, owner, created_at, outcome in rows
        ]

    def _fence(self, claim: Claim) -> None:
        row = self._db.execute("SELECT epoch, status FROM commands WHERE id = ?", (claim.command.id,)).fetchone()
        if row is None or row != (claim.epoch, "claimed"):
            raise Fenced(f"command {claim.command.id}: claimed by somebody else since epoch {claim.epoch}")
