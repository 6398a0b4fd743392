"""Virtual time: how far the clock goes with each stretch of history."""

from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from contracts import DAY, HOUR, MINUTE, Measure
from forestall.backtest.recorded import Recorded

LOOK_AHEAD = 8
"""A jump is believed if most of so many events behind it agree."""
AGREE = HOUR
ALONE_MAX = 30 * DAY
"""How far the last event of all may jump ahead, which none behind it can confirm."""
STRETCH_MAX = 2_000
"""Messages played at once, at most."""
QUIET_STRIDE = 45 * MINUTE
"""Less than the hour after which a silent stream is no longer taken for a live one."""
QUIET_PANES = 60
"""Half of what can be read back of a series' judged panes."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Messages to play at `now`: the time of the event that ends a pane, the last of them, so that the clock stands
    where a live one would have stood when the pane closed. `after_gap`: a pane or more without any lies before them."""

    messages: list[Recorded]
    now: int
    after_gap: bool


def closing(measures: tuple[Measure, ...]) -> Callable[[int], int]:
    """From an instant to the next one at which a pane can close."""
    shapes = sorted({(measure.pane, measure.lateness) for measure in measures})

    def next_close(at: int) -> int:
        return min(((at - late) // pane + 1) * pane + late for pane, late in shapes)

    return next_close


def strides(measures: tuple[Measure, ...]) -> tuple[int, int]:
    """How far the clock goes at once: where a timer is about to fall due, and where none is.

    A pane, but no less than a minute; and some more where nothing waits for the clock. What is noticed does not depend
    on it: panes are closed one after the other, and whatever one gives rise to is done before the next.
    """
    pane = min(measure.pane for measure in measures)
    careful = max(pane, MINUTE)
    return careful, max(careful, min(QUIET_STRIDE, QUIET_PANES * pane) // careful * careful)


@dataclass(slots=True)
class Pace:
    """Follows event time through a history that may be out of order, repeat itself, or lie about the time.

    A stretch ends where a pane does; the first that does so `beyond` microseconds later, which may be changed between
    two stretches. The clock never goes back. An event far ahead does not move it unless most of those behind it agree:
    the intake then refuses that one as coming from a wrong clock, just as live. Where no event is among the messages,
    they are played at `otherwise`.
    """

    next_close: Callable[[int], int]
    beyond: int = 0
    otherwise: int = 0
    now: int | None = None
    begin: int | None = None
    _stretch: list[Recorded] = field(default_factory=list)
    _after_gap: bool = False
    _until: int = 0
    _ahead: deque[Recorded] = field(default_factory=deque)

    async def stretches(self, batches: AsyncIterator[list[Recorded]]) -> AsyncIterator[Stretch]:
        async for batch in batches:
            for recorded in batch:
                self._ahead.append(recorded)
                if len(self._ahead) > LOOK_AHEAD:
                    for stretch in self._take(self._ahead.popleft()):
                        yield stretch
        while self._ahead:
            for stretch in self._take(self._ahead.popleft()):
                yield stretch
        if self._stretch:
            if self.now is None:
                self.now = self.begin = self.otherwise
            yield self._cut()

    def _take(self, recorded: Recorded) -> list[Stretch]:
        done = []
        if recorded.time is None or not self._moves(recorded.time):
            self._stretch.append(recorded)
        elif self.now is None:
            self.now = self.begin = recorded.time
            self._until = self.next_close(self.now + self.beyond)
            self._stretch.append(recorded)
        else:
            if recorded.time >= self.next_close(
                max(self._until, self.next_close(self.now))
            ):  # what came before the gap is played first
                if self._stretch:
                    done.append(self._cut())
                self._after_gap = True
            self._stretch.append(recorded)
            self.now = recorded.time
            if recorded.time >= self._until:
                done.append(self._cut())
        if len(self._stretch) >= STRETCH_MAX and self.now is not None:
            done.append(self._cut())
        return done

    def _cut(self) -> Stretch:
        assert self.now is not None
        stretch = Stretch(self._stretch, self.now, self._after_gap)
        self._stretch, self._after_gap = [], False
        self._until = self.next_close(self.now + self.beyond)
        return stretch

    def _moves(self, time: int) -> bool:
        if self.now is not None and time <= self.now + AGREE:
            return time > self.now
        behind = [each.time for each in self._ahead if each.time is not None]
        if not behind:
            return self.now is None or time <= self.now + ALONE_MAX
        return 2 * sum(each >= time - AGREE for each in behind) >= len(behind)
