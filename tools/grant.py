"""The grant: a single leave for a single command. Governance mints it, `invoke` demands it."""

from dataclasses import dataclass
from decimal import Decimal

from contracts import Command, digest
from tools.errors import RefuseCommand


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to run one command with these very arguments until `expires_at` (microseconds)."""

    command_id: str
    tool: str
    arguments_digest: str
    value_ceiling: Decimal
    expires_at: int
    because: str

    def check(self, command: Command, now: int) -> None:
        """Raises:
        RefuseCommand: the grant is for another command, for other arguments, or has expired.
        """
        if (self.command_id, self.tool) != (command.id, command.tool):
            raise RefuseCommand(f"grant: it is for {self.tool} {self.command_id}, not {command.tool} {command.id}")
        if self.arguments_digest != digest(command.arguments):
            raise RefuseCommand(f"grant: the arguments of {command.id} changed after it was granted")
        if now > self.expires_at:
            raise RefuseCommand(f"grant: it expired before {command.id} ran")
