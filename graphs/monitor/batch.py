"""One batch of a partition on its way: screen, count, process, commit.

The nodes are called one after the other. LangGraph's loop is left out: between a batch's arrival and its commit there
is nothing to wait for, to checkpoint, or to run side by side, and for a single event it took longer than the nodes
(`docs/design/speed.md`).
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from agents.monitoring import Counted, Floor, PartitionClock
from agents.reflex import Call
from graphs.reading import Screened
from graphs.screening import Incoming, Screen
from graphs.sifting import sift
from ledger import Added, DeadLetter, LedgerError, Seen, Transaction

if TYPE_CHECKING:
    from graphs.monitor.counting import PartitionMonitor

_log = logging.getLogger("forestall.monitor")


class Unforeseen(Exception):
    """Our own code failed on a batch, by `error`, before anything was written of it."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


@contextmanager
def _foreseen() -> Iterator[None]:
    """Around what is computed of the messages alone."""
    try:
        yield
    except LedgerError:
        raise
    except Exception as error:
        raise Unforeseen(error) from error


@dataclass(slots=True)
class Batch:
    """One micro-batch on its way. `ended`: with it the partition is read to its end.

    `handled` messages came before these, and were taken out. `assumed`: counted by what was known at the commit before,
    without a look at the ledger. `found`, `pruned` and `added` are of the commit: what the combiner had closed by
    then, whether the inbox had forgotten something, and what is new in it. `published` are the rows of `screened` that
    are in the stream's `processed` topic. `unforeseen` were taken out of `span`, which is the whole of them; `in_a_row`
    of them lie behind the last event that was taken.
    """

    messages: Sequence[Incoming]
    now: int
    ended: bool
    screened: Screened | None = None
    seen: Seen | None = None
    floor: Floor | None = None
    assumed: bool = False
    counted: Counted | None = None
    identities: Sequence[bytes] = ()
    digests: Sequence[bytes] = ()
    dead: list[DeadLetter] = field(default_factory=list)
    handled: int = 0
    duplicates: int = 0
    taken: Sequence[int] = field(default_factory=list)
    published: set[int] = field(default_factory=set)
    found: Floor | None = None
    pruned: bool = False
    added: Added | None = None
    calls: list[Call] = field(default_factory=list)
    unforeseen: Sequence[DeadLetter] = ()
    span: Sequence[Incoming] | None = None
    in_a_row: int | None = None


def screen(partition: "PartitionMonitor", batch: Batch, before: Screened | None) -> None:
    """What is an event of ours? `before`: what was found while the batch before was committed.

    Whatever was refused then is read again: the clock may have reached an event that lay too far ahead.

    Raises:
        Unforeseen: our own code failed.
    """
    if before is not None and not before.dead:
        batch.screened = before
        return
    with _foreseen():
        batch.screened = partition.screened(batch.messages, batch.now)


def handled(messages: Sequence[Incoming], clock: PartitionClock) -> int:
    """How many messages at the beginning were in a batch that was committed: they come again, and the inbox may have
    forgotten them. A log that was made anew begins with low positions again, and is told by its later publishing."""
    return next((place for place, message in enumerate(messages) if not _came(message, clock)), len(messages))


def _came(message: Incoming, clock: PartitionClock) -> bool:
    published = message.publish_time
    return 0 <= message.position <= clock.position and published is not None and published <= clock.published


async def count(partition: "PartitionMonitor", batch: Batch) -> None:
    """What was not seen before, and what does it add to which pane?

    Behind a commit of the partition's own by what was known then; this batch's commit finds out whether that holds.

    Raises:
        Unforeseen: our own code failed.
    """
    known = partition.followed()
    batch.assumed = known is not None
    batch.seen, batch.floor = known or await partition.look()
    judge(partition, batch)


def judge(partition: "PartitionMonitor", batch: Batch) -> None:
    """What a screened batch adds, by what is known of the ledger. Nothing but the batch changes.

    Raises:
        Unforeseen: our own code failed.
    """
    with _foreseen():
        _judge(partition, batch)


def _judge(partition: "PartitionMonitor", batch: Batch) -> None:
    read, seen, floor = batch.screened, batch.seen, batch.floor
    assert read is not None
    assert seen is not None
    assert floor is not None
    sifted = sift(read, seen.known(read.identities, read.former), batch.messages, batch.now)
    fresh = sifted.fresh
    readings = read.readings if len(fresh) == len(read.identities) else read.readings.only(fresh)
    counted = partition.counter.count(readings, partition.clock, floor, partition.keys, batch.now)
    refused = {fresh[each.place]: each for each in counted.refused}
    taken = [row for row in fresh if row not in refused] if refused else fresh
    batch.taken = taken
    batch.calls = partition.reflexes.rules.calls(read.readings.only(taken)) if partition.reflexes.rules else []
    every = len(taken) == len(read.identities)
    batch.identities = read.identities if every else read.identities.only(taken)
    batch.digests = read.digests if every else read.digests.only(taken)
    batch.dead = [*read.dead, *sifted.dead, *batch.unforeseen]
    for row, each in refused.items():
        message = batch.messages[read.places[row]]
        batch.dead.append(Screen.dead(message, each.code, each.reason, batch.now))
    batch.duplicates = batch.handled + sifted.duplicates
    span = batch.messages if batch.span is None else batch.span
    batch.counted = replace(counted, clock=_read_up_to(counted.clock, span))


def _read_up_to(clock: PartitionClock, span: Sequence[Incoming]) -> PartitionClock:
    """The position goes back in a log that was made anew, and never for what was handled and comes again in between."""
    if not span:
        return clock
    position, published = span[-1].position, max(span[-1].publish_time or 0, clock.published)
    if position < clock.position and all(each.position > clock.position or _came(each, clock) for each in span):
        position = max(clock.position, *(each.position for each in span))
    return replace(clock, position=position, published=published)


async def process(partition: "PartitionMonitor", batch: Batch) -> None:
    """What is taken goes to the stream's `processed` topic, under the same ids: at least once, for a crash before the
    commit brings it again. A batch that is done again may take others: of those, what is not published yet."""
    assert batch.screened is not None
    if partition.publish is None:
        return
    rows = [row for row in batch.taken if row not in batch.published]
    if rows:
        await partition.publish([batch.screened.events[row] for row in rows])
        batch.published.update(rows)


async def commit(partition: "PartitionMonitor", batch: Batch) -> None:
    """One transaction for all of it; dead letters are told in the log, one line a batch.

    The index is put in order in its time, where there is reason to.
    """
    ledger, index, loop = partition.services.ledger, partition.index, asyncio.get_running_loop()

    def write(tx: Transaction) -> None:
        partition.commit(tx, batch)
        loop.call_soon_threadsafe(partition.counted.set)

    writing = ledger.transact("intake", write)
    if index.crowded:
        written, ordered = await asyncio.gather(writing, ledger.read(index.refresh), return_exceptions=True)
        if isinstance(written, BaseException):
            raise written
        if isinstance(ordered, BaseException):
            _log.warning("inbox %s: not put in order, which is tried again: %s", partition.subscription, ordered)
    else:
        await writing
    partition.committed(batch)
    for letter in batch.dead[:1]:
        _log.warning("dead letters: %d, first: %s: %s", len(batch.dead), letter.code, letter.reason)
