"""The part of a history that was asked for; a history that cannot be played is refused before it is."""

from collections.abc import AsyncIterator, Sequence
from itertools import pairwise

from contracts import to_iso
from forestall.backtest.recorded import History, Recorded
from forestall.errors import InputError

ENOUGH_STEPS = 8
"""Steps between different times by which a history that runs backwards is known."""


class Span:
    """`since` and `until` in microseconds of event time; `outside` counts what lay before the one or not before the
    other."""

    def __init__(self, history: History, since: int | None, until: int | None) -> None:
        self._history, self._since, self._until = history, since, until
        self._first: int | None = None
        self._last: int | None = None
        self._begun = False
        self.outside = 0

    async def batches(self) -> AsyncIterator[list[Recorded]]:
        """What lies within, in its order.

        Raises:
            InputError: the events come latest first, or none lies within.
        """
        async for batch in self._history.batches():
            kept = [each for each in batch if self._is_within(each)]
            self.outside += len(batch) - len(kept)
            if not self._begun and kept:
                self._assert_forward(kept)
            self._begun = self._begun or any(each.time is not None for each in kept)
            if kept:
                yield kept
        if not self._begun:
            raise InputError(self._nothing(), self._step())

    def _is_within(self, recorded: Recorded) -> bool:
        time = recorded.time
        if time is None:
            return True
        self._first = time if self._first is None else min(self._first, time)
        self._last = time if self._last is None else max(self._last, time)
        return (self._since is None or time >= self._since) and (self._until is None or time < self._until)

    def _assert_forward(self, batch: Sequence[Recorded]) -> None:
        times = [each.time for each in batch if each.time is not None]
        steps = [after - before for before, after in pairwise(times) if after != before]
        if len(steps) >= ENOUGH_STEPS and sum(step < 0 for step in steps) > 0.9 * len(steps):
            told = f"{self._history.name}: the events come latest first, from {to_iso(times[0])} back"
            raise InputError(told, "Sort them by time, the oldest first.")

    def _nothing(self) -> str:
        name, rows = self._history.name, self._history.rows
        if self._first is None or self._last is None:
            bad = f"; the first fault: {rows.bad[0]}" if rows.bad else ""
            return f"{name}: there is no event in it, of {rows.read} read{bad}"
        return (
            f"{name}: no event lies in the span that was asked for;"
            f" there are events from {to_iso(self._first)} to {to_iso(self._last)}"
        )

    def _step(self) -> str:
        return "Correct --since and --until." if self._first is not None else "Check the file, the topic and the pack."
