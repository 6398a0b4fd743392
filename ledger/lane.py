"""A lane: one thread with one connection, and the jobs that wait for it; whatever waits is taken along together."""

import asyncio
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

GROUP_MAX_JOBS = 256
"""So many jobs share one transaction at most."""


@dataclass(slots=True, eq=False)
class Job:
    """Work that somebody waits for; its answer or error is told when the whole group has ended."""

    work: Callable[[Any], Any]
    future: asyncio.Future[Any]
    answer: Any = None
    error: BaseException | None = None

    def tell(self) -> None:
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.answer)
        elif isinstance(self.error, StopIteration):  # no future can carry it
            self.future.set_exception(RuntimeError("the work raised StopIteration"))
        else:
            self.future.set_exception(self.error)


class Lane:
    """`run` does a group of jobs on the lane's thread and sets their answers and errors.

    It returns those that it did not begin. Nobody lingers: a group is what queued up while the one before was done.
    """

    def __init__(self, name: str, run: Callable[[list[Job]], list[Job]]) -> None:
        self.thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._run = run
        self._jobs: deque[Job] = deque()
        self._scheduled = False
        self._lock = threading.Lock()

    async def do(self, work: Callable[[Any], Any]) -> Any:
        """The answer of `work`; a caller that is cancelled leaves only when the work has ended."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        with self._lock:
            if not self._scheduled:
                self.thread.submit(self._next_group)
                self._scheduled = True
            self._jobs.append(Job(work, future))
        return await until_told(future)

    def _next_group(self) -> None:
        with self._lock:
            group = [self._jobs.popleft() for _ in range(min(len(self._jobs), GROUP_MAX_JOBS))]
        left = self._run(group)
        _tell([job for job in group if job not in left] if left else group)
        with self._lock:
            self._jobs.extendleft(reversed(left))
            self._scheduled = bool(self._jobs)
            if self._scheduled:
                self.thread.submit(self._next_group)

    async def close(self, last: Callable[[], None]) -> None:
        """Do what is queued, then `last`, and end the thread."""
        while self._scheduled:
            await asyncio.wrap_future(self.thread.submit(lambda: None))
        await asyncio.wrap_future(self.thread.submit(last))
        self.thread.shutdown()


async def until_told(future: asyncio.Future[Any]) -> Any:
    """The answer; who is cancelled meanwhile must not leave before: what it was told would be wrong."""
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        if not future.done():
            await asyncio.wait([future])
        if not future.cancelled():
            future.exception()  # seen
        raise


def _tell(jobs: list[Job]) -> None:
    """Each in its own loop, with one call a loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Job]] = defaultdict(list)
    for job in jobs:
        by_loop[job.future.get_loop()].append(job)
    for loop, told in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_tell_all, told)


def _tell_all(jobs: list[Job]) -> None:
    for job in jobs:
        job.tell()
