"""The one door to every side effect."""

from collections.abc import Mapping
from typing import Any

from contracts import Clock, Command
from tools.catalogue import Catalogue, Quote, Result, ToolContext
from tools.errors import RefuseCommand
from tools.grant import Grant


class Toolbox:
    """A pack's catalogue with its connected resources."""

    def __init__(self, catalogue: Catalogue, resources: Mapping[str, Any], clock: Clock) -> None:
        self.catalogue = catalogue
        self._resources = resources
        self._clock = clock

    def _context(self, command: Command) -> ToolContext:
        return ToolContext(
            command_id=command.id,
            now=self._clock.now(),
            deadline=command.deadline,
            value_ceiling=command.value_ceiling,
            resources=self._resources,
        )

    async def invoke(self, command: Command, grant: Grant) -> Result:
        """Call the command's tool.

        Raises:
            RefuseCommand: the grant does not cover the command, its deadline has passed, or its arguments are wrong.
            ToolError: see `tools.errors`.
        """
        now = self._clock.now()
        grant.check(command, now)
        if now > command.deadline:
            raise RefuseCommand(f"{command.id}: its deadline has passed")
        return await self.catalogue.get(command.tool).call(self._context(command), command.arguments)

    async def applied(self, command: Command) -> Result | None:
        """Ask a reconcilable sink what it knows of the command; None when it was never applied."""
        return await self.catalogue.get(command.tool).ask_applied(self._context(command), command.arguments)

    async def quote(self, command: Command) -> Quote:
        """What the command would touch; changes nothing."""
        return await self.catalogue.get(command.tool).ask_quote(self._context(command), command.arguments)
