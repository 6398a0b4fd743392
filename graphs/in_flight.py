"""What one process has under way at a time: a bounded number of tasks, each of which goes at its own pace."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Any

from ledger import Ledger

_log = logging.getLogger("forestall.flight")
LOOK_AGAIN_S = 1.0
"""While something is under way, what became due by the clock alone is taken up after so long at the latest."""


class InFlight:
    """Tasks by name. Their owner calls `step` again and again, and `close` at the end."""

    def __init__(self, ledger: Ledger, bound: int) -> None:
        self._ledger, self._bound = ledger, bound
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def room(self) -> int:
        """How many more may be started."""
        return self._bound - len(self._tasks)

    @property
    def names(self) -> Collection[str]:
        """What is under way."""
        return self._tasks.keys()

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Begin; `step` raises what it raises."""
        self._tasks[name] = asyncio.create_task(work)

    async def step(self, take_up: Callable[[], Awaitable[None]]) -> bool:
        """Let `take_up` start what can start, until something has ended; False when nothing is under way.

        A slow task holds up no other: every commit, whoever made it, is a reason to take up more. Where a task dies of
        more than an `Exception`, or this call is cancelled, all that is under way is cancelled and awaited.
        """
        try:
            while True:
                seen = self._ledger.commits
                if self.room:
                    await take_up()
                if not self._tasks:
                    return False
                if ended := await self._ended(seen):
                    _raise_first(ended)
                    return True
        except Exception:
            raise
        except BaseException:
            await self._abandon()
            raise

    async def _ended(self, seen: int) -> list[asyncio.Task[None]]:
        if not any(task.done() for task in self._tasks.values()):
            changed = [asyncio.create_task(self._ledger.changed(seen, LOOK_AGAIN_S))] if self.room else []
            try:
                await asyncio.wait([*self._tasks.values(), *changed], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in changed:
                    task.cancel()
                await asyncio.gather(*changed, return_exceptions=True)
        ended = {name: task for name, task in self._tasks.items() if task.done()}
        for name in ended:
            del self._tasks[name]
        return list(ended.values())

    async def close(self) -> None:
        """Wait for what is under way; what fails now is told in the log, and is tried again by whoever comes next."""
        ended = list(self._tasks.values())
        self._tasks.clear()
        for problem in await asyncio.gather(*ended, return_exceptions=True):
            if isinstance(problem, BaseException):
                _log.warning("ended while closing: %s: %s", type(problem).__name__, problem)

    async def _abandon(self) -> None:
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _raise_first(ended: list[asyncio.Task[None]]) -> None:
    errors = [error for task in ended if (error := task.exception()) is not None]
    for error in sorted(errors, key=lambda error: isinstance(error, Exception)):
        raise error
