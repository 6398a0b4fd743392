"""One batch of a partition on its way: screen, count, process, commit.

The nodes are called one after the other. LangGraph's loop is left out: between a batch's arrival and its commit there
is nothing to wait for, to checkpoint, or to run side by side, and for a single event it took longer than the nodes
(`docs/design/speed.md`).
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from agents.monitoring import Counted, Floor, PartitionClock
from agents.reflex import Call
from graphs.reading import Screened
from graphs.screening import Incoming, Screen
from graphs.sifting import sift
from ledger import DeadLetter, InboxRow, Seen

if TYPE_CHECKING:
    from graphs.monitor.counting import PartitionMonitor

_log = logging.getLogger("forestall.monitor")


@dataclass(slots=True)
class Batch:
    """One micro-batch on its way. `ended`: with it the partition is read to its end.

    `assumed`: counted by what was known of the ledger, without a look.
    """

    messages: Sequence[Incoming]
    now: int
    ended: bool
    screened: Screened | None = None
    seen: Seen | None = None
    floor: Floor | None = None
    assumed: bool = False
    counted: Counted | None = None
    identities: list[bytes] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    handled: int = 0
    duplicates: int = 0
    taken: list[int] = field(default_factory=list)
    published: bool = False
    row: InboxRow | None = None
    calls: list[Call] = field(default_factory=list)


def screen(partition: "PartitionMonitor", batch: Batch, before: Screened | None) -> None:
    """What is an event of ours? `before`: what was found while the batch before was committed.

    Whatever was refused then is read again: the clock may have reached an event that lay too far ahead.
    """
    batch.handled = _handled(batch.messages, partition.clock)
    if batch.handled:
        batch.messages = batch.messages[batch.handled :]
    elif before is not None and not before.dead:
        batch.screened = before
        return
    batch.screened = partition.screened(batch.messages, batch.now)


def _handled(messages: Sequence[Incoming], clock: PartitionClock) -> int:
    """How many messages at the beginning were in a batch that was committed: they come again, and the inbox may have
    forgotten them. A log that was made anew begins with low positions again, and is told by its later publishing."""
    for place, message in enumerate(messages):
        published = message.publish_time
        if not (0 <= message.position <= clock.position and published is not None and published <= clock.published):
            return place
    return len(messages)


async def count(partition: "PartitionMonitor", batch: Batch, *, look: bool) -> None:
    """What was not seen before, and what does it add to which pane?

    Without `look` by what was known of the ledger last; the commit finds out whether that still holds.
    """
    assert batch.screened is not None
    read = batch.screened
    seen, floor = await partition.look() if look else partition.followed()
    batch.seen, batch.floor, batch.assumed = seen, floor, not look
    sifted = sift(read, seen.known(read.identities, read.former), batch.messages, batch.now)
    fresh = sifted.fresh
    readings = read.readings if len(fresh) == len(read.identities) else read.readings.only(fresh)
    counted = partition.counter.count(readings, partition.clock, floor, partition.keys, batch.now)
    refused = {fresh[each.place]: each for each in counted.refused}
    taken = [row for row in fresh if row not in refused] if refused else fresh
    batch.taken = taken
    batch.calls = partition.reflexes.rules.calls(read.readings.only(taken)) if partition.reflexes.rules else []
    every = len(taken) == len(read.identities)
    batch.identities = read.identities if every else [read.identities[row] for row in taken]
    batch.digests = read.digests if every else [read.digests[row] for row in taken]
    batch.dead = read.dead + sifted.dead
    for row, each in refused.items():
        message = batch.messages[read.places[row]]
        batch.dead.append(Screen.dead(message, each.code, each.reason, batch.now))
    batch.duplicates = batch.handled + sifted.duplicates
    batch.counted = replace(counted, clock=_read_up_to(counted.clock, batch.messages))


def _read_up_to(clock: PartitionClock, messages: Sequence[Incoming]) -> PartitionClock:
    if not messages:
        return clock
    last = messages[-1]
    published = max(last.publish_time or 0, clock.published)
    return replace(clock, position=last.position, published=published)


async def process(partition: "PartitionMonitor", batch: Batch) -> None:
    """What is taken goes to the stream's `processed` topic, under the same ids: at least once, for a crash before the
    commit brings it again."""
    assert batch.screened is not None
    if partition.publish is not None and batch.taken and not batch.published:
        await partition.publish([batch.screened.events[row] for row in batch.taken])
        batch.published = True


async def commit(partition: "PartitionMonitor", batch: Batch) -> None:
    """One transaction for all of it; dead letters are told in the log, one line a batch."""
    partition.counted.set()
    await partition.services.ledger.transact("intake", lambda tx: partition.commit(tx, batch))
    partition.committed(batch)
    for letter in batch.dead[:1]:
        _log.warning("dead letters: %d, first: %s: %s", len(batch.dead), letter.code, letter.reason)
