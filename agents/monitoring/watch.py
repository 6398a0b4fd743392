"""Watching the measure that raised an incident: has it recovered, is it time to look again, has time run out?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from contracts import Contract, stable_id


@dataclass(frozen=True, slots=True)
class Judged:
    """One closed pane as a detector saw it: instants in microseconds, `state` as in `Judgement`."""

    start: int
    end: int
    value: float | None
    expected: float
    spread: float
    state: str

    def to_list(self) -> list[Any]:
        return [self.start, self.end, self.value, self.expected, self.spread, self.state]


class Watch(Contract):
    """What a run wants to be told about its measure.

    `panes` normal panes in a row, none of which began before `since`, are a recovery; without one by `until` the watch
    expires (None: never). At each instant of `looks` the evidence gathered until then is sent.
    """

    since: int
    panes: int
    until: int | None = None
    looks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """What a watch has to say; `ref` makes it arrive once."""

    kind: Literal["recovered", "expired"]
    ref: str
    at: int
    body: Mapping[str, Any]


def notices(watch: Watch, recent: Sequence[Judged]) -> list[Notice]:
    """A pure function of the judged panes, so that it says the same whenever and however often it is asked."""
    normal = 0
    for pane in recent:
        if pane.start < watch.since:
            continue
        if watch.until is not None and pane.end > watch.until:
            break
        normal = normal + 1 if pane.state == "normal" else 0
        if normal >= watch.panes:
            first = pane.end - watch.panes * (pane.end - pane.start)
            ref = stable_id("recovered", watch.since, watch.until or 0)
            body = {"at": pane.end, "first_normal": first, "value": pane.value, "expected": pane.expected}
            return [Notice("recovered", ref, pane.end, body)]
    if watch.until is not None and recent and recent[-1].end >= watch.until:
        last = next((pane for pane in reversed(recent) if pane.end <= watch.until), recent[0])
        body = {"at": watch.until, "value": last.value, "expected": last.expected}
        return [Notice("expired", stable_id("expired", watch.since, watch.until), watch.until, body)]
    return []


def still_wrong(recent: Sequence[Judged], panes: int = 2) -> bool:
    """Whether the measure is still out of order: not every one of the last panes lies within its normal band.

    The band is three robust standard deviations around the expectation, as long as the detector calls the series
    anomalous; with a detector that calls it normal, it is normal.
    """
    last = list(recent)[-panes:]
    if not last or last[-1].state != "anomalous":
        return False
    return any(pane.value is None or abs(pane.value - pane.expected) > 3 * pane.spread for pane in last)
