"""The service's log: a line for every happening that is this process's or a person's, from the journal."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from contracts import HOUR, to_iso
from forestall.bootstrap import App
from forestall.packs import Pack
from forestall.reflexes import note_reflexes
from forestall.trace import Teller, telling_at
from governance import frozen, mode_of
from ledger import Transaction

LOOK_S = 5.0
GIVE_WAY_S = 0.002
"""Lines may come a little later than what they tell of."""
_log = logging.getLogger("forestall.run")


async def announce(app: App, packs: Sequence[Pack], option: str) -> None:
    """What this process is about to do; `option` names the home."""
    now, owner = app.services.clock.now(), app.services.owner
    others = await app.ledger.transact("packs", lambda tx: _others(tx, packs, owner, now))
    modes = await app.ledger.read(lambda tx: [mode_of(tx, pack.name, pack.manifest.mode) for pack in packs])
    for pack, mode in zip(packs, modes, strict=True):
        said = "it acts as far as it may" if mode == "act" else "it says what it would do, and does nothing"
        names = ", ".join(stream.name for stream in pack.manifest.streams)
        _log.info("%s watches %s for %s in mode %s: %s", owner, names, pack.name, mode, said)
    for name, other in others:
        said = "which rules an event meets depends on who reads it; start both with the same pack"
        _log.warning("%s runs another version of pack %s on this home: %s", other, name, said)
    stop = await app.ledger.read(frozen)
    if stop is not None:
        said = f"forestall thaw{option} lets them go on"
        _log.warning("all effects are frozen by %s: %s; %s", stop["person"], stop["reason"], said)


def _others(tx: Transaction, packs: Sequence[Pack], owner: str, now: int) -> list[tuple[str, str]]:
    """(pack, worker) of living workers that run a pack of another digest; notes what this one runs and its reflexes."""
    found = []
    alive = {lease.owner for lease in tx.leases.all() if lease.until >= now}
    for pack in packs:
        name = f"runs:{pack.name}"
        running = tx.docs.switch(name) or {}
        found += [
            (pack.name, other)
            for other, digest in sorted(running.items())
            if other != owner and other in alive and digest != pack.digest
        ]
        living = {other: digest for other, digest in running.items() if other in alive}
        tx.docs.set_switch(name, living | {owner: pack.digest})
        note_reflexes(tx, pack.manifest)
    return found


class Told:
    """What was told already, and what is new."""

    def __init__(self, app: App, after: int, option: str) -> None:
        self._ledger, self._clock, self._teller = app.ledger, app.services.clock, Teller(after, option)
        self._owner = app.services.owner

    async def tell(self) -> None:
        with telling_at(self._clock.now()):
            new = await self._teller.new(self._ledger)
        for found in new:
            if found.worker not in (None, self._owner):
                continue  # its own log has it: of several processes' logs each line is one happening
            level = logging.WARNING if found.tone in ("alarm", "bad") else logging.INFO
            extra = {"happening": found.kind, "incident": found.incident, "event_time": to_iso(found.at)}
            extra["worker"] = self._owner if found.worker else None
            when = f" (of {to_iso(found.at)})" if self._clock.now() - found.at > HOUR else ""
            who = f"{found.incident} " if found.incident else ""
            _log.log(level, "%s%s: %s%s", who, found.word, found.text, when, extra=extra)

    async def follow(self) -> None:
        """Until cancelled; wakes at every commit."""
        while True:
            commits = self._ledger.commits
            await self.tell()
            await self._ledger.changed(commits, LOOK_S)
            await asyncio.sleep(GIVE_WAY_S)

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Tell while something else runs, and what is left at its end."""
        task = asyncio.create_task(self.follow())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self.tell()
