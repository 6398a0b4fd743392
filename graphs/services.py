"""What the graphs work with; composed once, in `forestall.bootstrap`."""

from collections.abc import Mapping
from dataclasses import dataclass

from agents.monitoring import Judged
from agents.planning import Planner
from contracts import Clock, PackManifest, Runbook
from ledger import Ledger, Routing
from memory import Memory
from tools import Catalogue, Toolbox

GRAPH_VERSION = 1
"""Raised when a stored thread of an earlier version could not go on in this graph."""

RUNS_IN_FLIGHT = 64


@dataclass(frozen=True, slots=True)
class PackRuntime:
    """A pack with its tools connected."""

    manifest: PackManifest
    runbooks: Mapping[str, Runbook]
    catalogue: Catalogue
    toolbox: Toolbox
    digest: str

    @property
    def name(self) -> str:
        return self.manifest.pack


@dataclass(frozen=True, slots=True)
class Services:
    """`owner` names this process in leases: the same name takes over at once what it held before it died.

    `in_flight`: so many runs, and as many commands, are under way at a time. 1 in virtual time, where the rows of
    different incidents are to be written in the same order every time; what is decided does not depend on it.
    """

    ledger: Ledger
    clock: Clock
    memory: Memory
    packs: Mapping[str, PackRuntime]
    routing: Routing
    owner: str
    planner: Planner | None = None
    in_flight: int = RUNS_IN_FLIGHT

    async def recent(self, pack: str, measure: str, detector: str, key: str) -> list[Judged]:
        """The panes of a series that were judged last."""
        doc = await self.ledger.read(lambda tx: tx.docs.monitor_doc(pack, f"closed/{measure}/{key}"))
        rows = doc["recent"].get(detector, []) if doc else []
        return [Judged(*row) for row in rows]
