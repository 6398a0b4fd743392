"""A batch's times held against its partition's clock: what is out of time, and where a long silence ends."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from agents.monitoring.clocks import MAX_JUMP, Ahead, Floor, PartitionClock, Span
from agents.monitoring.refused import Refused
from contracts import DAY, HOUR

CLOCKS_AGREE = HOUR
MAX_AGE = 30 * DAY
"""An event this far behind the stream is refused as ancient; a younger late one is counted and left out."""
CONFIRMATIONS = 8
"""So many different events in a row that lie too far ahead, and agree, make a gap in the history of what was taken for
a wrong clock: the next one is accepted. Few enough that a summer's break costs a history nothing to speak of, and more
than a broken sender among good ones brings between two of theirs."""
FEW = 8
"""So few are held against the clock sooner one by one."""
Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Timing:
    """The partition's clock behind the batch. `before` is the watermark that each event met, `since` where counting
    had begun."""

    clock: PartitionClock
    times: Times
    before: Times
    since: Times


def timed(
    times: Times,
    identities: Sequence[bytes],
    clock: PartitionClock,
    floor: Floor,
    refused: dict[int, Refused],
    now: int | None,
) -> Timing:
    """Move the clock with each event in turn; what is out of time is put to those that are `refused` already, which
    move nothing. `now` is our own clock, where it may be believed."""
    known = [each for each in (clock.latest, floor.watermark) if each is not None]
    if known and clock.since is not None and len(times) > FEW:
        heard = times
        if refused:
            heard = times.copy()
            heard[list(refused)] = max(known)
        before = np.maximum.accumulate(np.concatenate(([max(known)], heard[:-1])))
        if not ((heard > before + MAX_JUMP) | (heard < before - MAX_AGE)).any():
            latest, ahead = clock.latest, clock.ahead
            if len(refused) < len(times):
                own = times if not refused else np.delete(times, list(refused))
                latest, ahead = max(int(own.max()), latest if latest is not None else int(own.max())), None
            moved = replace(clock, latest=latest, gaps=_open_gaps(clock, floor), ahead=ahead)
            return Timing(moved, times, before, np.full(len(times), clock.since))
    return _one_by_one(times, identities, clock, floor, refused, now)


def _open_gaps(clock: PartitionClock, floor: Floor) -> tuple[Span, ...]:
    return tuple(gap for gap in clock.gaps if floor.watermark is None or gap[1] > floor.watermark)


def _one_by_one(
    times: Times,
    identities: Sequence[bytes],
    clock: PartitionClock,
    floor: Floor,
    refused: dict[int, Refused],
    now: int | None,
) -> Timing:
    """The rule itself: a batch with a first event, a jump, or a refusal."""
    before, since = np.empty_like(times), np.empty_like(times)
    first, begun, latest, gaps, ahead = clock.first, clock.since, clock.latest, _open_gaps(clock, floor), clock.ahead
    for place, time in enumerate(times.tolist()):
        known = [each for each in (latest, floor.watermark) if each is not None]
        reference = max(known) if known else floor.others
        if place not in refused and reference is not None:
            oldest = reference if known or floor.others_first is None else min(floor.others_first, reference)
            if time < oldest - MAX_AGE:
                refused[place] = _ancient(place, time, oldest)
            elif time > reference + MAX_JUMP:
                if (now is not None and abs(time - now) <= CLOCKS_AGREE) or _confirmed(ahead, time, identities[place]):
                    gaps += ((reference, time),) if known else ()
                    begun = time
                else:
                    refused[place] = _future(place, time, reference)
                    ahead = _further(ahead, time, identities[place])
        if place not in refused:
            first = time if first is None else first
            begun = time if begun is None else begun
            latest = time if latest is None else max(latest, time)
            ahead = None
        before[place] = max(known) if known else time
        since[place] = time if begun is None else begun
    moved = replace(clock, first=first, since=begun, latest=latest, gaps=gaps, ahead=ahead)
    return Timing(moved, times, before, since)


def _agrees(ahead: Ahead | None, time: int) -> bool:
    return ahead is not None and abs(time - ahead.time) <= MAX_JUMP


def _confirmed(ahead: Ahead | None, time: int, identity: bytes) -> bool:
    """Whether enough others before it said the same; a repetition of one of them confirms nothing."""
    if ahead is None or not _agrees(ahead, time):
        return False
    return len(ahead.identities) >= CONFIRMATIONS and identity.hex() not in ahead.identities


def _further(ahead: Ahead | None, time: int, identity: bytes) -> Ahead:
    """The row with one more event in it, or a new row where it does not agree with the first of them."""
    if ahead is None or not _agrees(ahead, time):
        return Ahead(time, (identity.hex(),))
    if identity.hex() in ahead.identities:
        return ahead
    return replace(ahead, identities=(*ahead.identities, identity.hex()))


def _future(place: int, time: int, reference: int) -> Refused:
    days = (time - reference) // DAY
    reason = (
        f"time: {days} days ahead of the stream (at most 30): a wrong clock, or a gap in a history; the stream goes on"
        f" behind a gap after {CONFIRMATIONS} such events in a row, and leaves these out; mend the clock if it is wrong"
    )
    return Refused(place, "future", reason)


def _ancient(place: int, time: int, reference: int) -> Refused:
    days = (reference - time) // DAY
    reason = f"time: {days} days behind the stream (at most 30); emit history in its order"
    return Refused(place, "ancient", reason)
