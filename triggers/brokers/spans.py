"""Runs of neighbouring positions in the same state: how a subscription remembers what is handled above its low water.

Pure functions; `cursors` keeps the spans in the database.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

ACKED = -1
FREE = 0
"""Waiting to be delivered again. A positive state is the id of the consumer that holds the span."""


class Span(NamedTuple):
    """Positions [`start`, `stop`) in one state, after so many deliveries in vain."""

    start: int
    stop: int
    state: int
    redeliveries: int


def runs(positions: Iterable[int]) -> list[tuple[int, int]]:
    """Half-open runs of neighbours, in order; duplicates count once."""
    found: list[tuple[int, int]] = []
    for position in sorted(set(positions)):
        if found and found[-1][1] == position:
            found[-1] = (found[-1][0], position + 1)
        else:
            found.append((position, position + 1))
    return found


def acknowledged(span: Span) -> Span:
    """The span, handled."""
    return span._replace(state=ACKED, redeliveries=0)


def overlay(spans: Sequence[Span], changed: Sequence[tuple[int, int]], change: Callable[[Span], Span]) -> list[Span]:
    """Apply `change` to the parts of ordered, disjoint `spans` that lie in ordered runs; merge equal neighbours."""
    result: list[Span] = []
    at = 0
    for span in spans:
        while at < len(changed) and changed[at][1] <= span.start:
            at += 1
        position, index = span.start, at
        while index < len(changed) and changed[index][0] < span.stop:
            start, stop = max(changed[index][0], position), min(changed[index][1], span.stop)
            _append(result, span._replace(start=position, stop=start))
            _append(result, change(span._replace(start=start, stop=stop)))
            position, index = stop, index + 1
        _append(result, span._replace(start=position))
    return result


def _append(result: list[Span], span: Span) -> None:
    if span.start == span.stop:
        return
    if result and result[-1].stop == span.start and result[-1][2:] == span[2:]:
        span = span._replace(start=result.pop().start)
    result.append(span)
