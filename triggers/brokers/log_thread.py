"""One thread that owns the log's connection, and the wake-up of those who wait for its changes."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

from triggers.brokers.errors import StopConsuming
from triggers.brokers.log_file import explain

P = ParamSpec("P")
T = TypeVar("T")


class LogThread:
    """Runs calls one after another, away from the event loop."""

    def __init__(self, path: Path, *, poll_interval_s: float) -> None:
        self.path = path
        self.changed = asyncio.Event()
        self.closed = False
        self._poll_interval_s = poll_interval_s
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="event-log")

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run in the thread, in the order of the calls. A cancelled caller does not stop what has begun.

        Raises:
            StopConsuming: the broker is closed.
            RetryLater, AskOperator: the file's fault, explained.
        """
        if self.closed:
            raise StopConsuming(f"{self.path}: this broker is closed; open another")

        return await self._run(partial(function, *args, **kwargs))

    async def change(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like `call`, and those who wait look again once it is done, even if the caller was cancelled before."""
        changing = asyncio.ensure_future(self.call(function, *args, **kwargs))
        changing.add_done_callback(lambda _: self.wake())
        return await asyncio.shield(changing)

    def wake(self) -> None:
        """Let those who wait look again."""
        self.changed.set()
        self.changed = asyncio.Event()

    async def wait(self, changed: asyncio.Event, changed_outside: Callable[[], bool]) -> None:
        """Until somebody here wakes us or another process may have changed the log.

        `changed` was taken before the last look, so no change between that look and this call is missed.
        """
        while not changed.is_set():
            try:
                async with asyncio.timeout(self._poll_interval_s):
                    await changed.wait()
            except TimeoutError:
                if await self.call(changed_outside):
                    self.wake()

    async def close(self, last: Callable[[], None]) -> None:
        """Refuse further calls, let those under way end, run `last` and end the thread."""
        self.closed = True
        try:
            await self._run(last)
        finally:
            self._executor.shutdown(wait=False)
            self.wake()

    async def _run(self, function: Callable[[], T]) -> T:
        def explained() -> T:
            try:
                return function()
            except sqlite3.ProgrammingError:  # our mistake, not the file's
                raise
            except (sqlite3.Error, OSError) as error:
                raise explain(self.path, error) from error

        return await asyncio.get_running_loop().run_in_executor(self._executor, explained)
