"""A message that our own code fails on, taken out of its batch, so that the others are counted without it.

The rule: a message that fails alone, in screening or counting, becomes a dead letter (`unforeseen`) if another one of
its batch is taken, for then it is the message. Where none is, only so many in a row (`IN_A_ROW`) are believed to be at
fault themselves; one more, and the error goes on as it came and the stream stops, because a fault that every message
meets is nobody's message's. What a transaction raises is never isolated.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphs.monitor.batch import Batch, Unforeseen, judge, screen
from graphs.screening import Incoming, Screen
from ledger import DeadLetter

if TYPE_CHECKING:
    from graphs.monitor.counting import CountState, PartitionMonitor

IN_A_ROW = 8
"""So many messages in a row, with none taken between them, may be dead letters of this kind. The number is in the
ledger, so a stream that is restarted over and over does not lose so many each time."""
REASON_CHARACTERS = 300
_log = logging.getLogger("forestall.monitor")


@dataclass(frozen=True, slots=True)
class _Trial:
    """Each message of a batch by itself: which fail, by their places, and after how many in a row the batch ends.

    `proven`: one was taken.
    """

    failed: dict[int, Exception]
    in_a_row: int
    proven: bool


async def isolate(
    partition: "PartitionMonitor", messages: Sequence[Incoming], *, ended: bool, handled: int
) -> list["CountState"]:
    """Take a batch that failed as a whole: without the messages that fail alone, or by halves where none does.

    Each part is one transaction, in order; what is taken already comes again as handled if a later part fails.
    `handled` messages came before these and were taken out; none of a part is one of those, wherever the clock stands.

    Raises:
        Exception: what our own code raised, where no message is to blame for it.
        LedgerError: the rest was not written.
    """
    parts, done, told, proven = [messages], list["CountState"](), False, False
    while parts:
        part = parts.pop()
        trial = await _tried(partition, part, proven=proven)
        proven = trial.proven
        if trial.failed and not proven and trial.in_a_row > IN_A_ROW:
            raise _nobodys_fault(partition, trial)
        batch = _without(partition, part, trial, ended=ended and not parts)
        batch.handled = handled if not done else 0
        try:
            done.append(await partition.take_at_once(batch))
        except Unforeseen as met:
            if len(part) <= 1:
                raise met.error from None
            middle = len(part) // 2
            parts += [part[middle:], part[:middle]]
            continue
        if trial.failed and not told:
            told = _tell(partition, part, trial)
    return done


async def _tried(partition: "PartitionMonitor", messages: Sequence[Incoming], *, proven: bool) -> _Trial:
    """Which messages fail alone, from where the partition stands, found by halves; nothing is written."""
    seen, floor = await partition.look()
    now, in_a_row = partition.services.clock.now(), partition.stumbled
    failed: dict[int, Exception] = {}
    spans = [(0, len(messages))]
    while spans:
        first, end = spans.pop()
        some = Batch(messages[first:end], now, ended=False, seen=seen, floor=floor)
        try:
            screen(partition, some, None)
            judge(partition, some)
        except Unforeseen as met:
            if end == first:
                raise met.error from None  # a batch of nothing
            if end - first > 1:
                middle = (first + end) // 2
                spans += [(middle, end), (first, middle)]
            else:
                failed[first] = met.error
                in_a_row += 1
        else:
            proven, in_a_row = proven or bool(some.taken), 0 if some.taken else in_a_row
    return _Trial(failed, in_a_row, proven)


def _without(partition: "PartitionMonitor", messages: Sequence[Incoming], trial: _Trial, *, ended: bool) -> Batch:
    now = partition.services.clock.now()
    return Batch(
        [messages[place] for place in range(len(messages)) if place not in trial.failed],
        now,
        ended,
        unforeseen=[_letter(messages[place], error, now) for place, error in trial.failed.items()],
        span=messages,
        in_a_row=trial.in_a_row,
    )


def _letter(message: Incoming, error: Exception, now: int) -> DeadLetter:
    text = f"{type(error).__name__}: {error}"
    shown = text if len(text) <= REASON_CHARACTERS else f"{text[: REASON_CHARACTERS - 3]}..."
    return Screen.dead(message, "unforeseen", f"a fault of ours, which this message met: {shown}", now)


def _tell(partition: "PartitionMonitor", messages: Sequence[Incoming], trial: _Trial) -> bool:
    place, error = next(iter(trial.failed.items()))
    _log.error(
        "%s: message %s met a fault of ours and is a dead letter (unforeseen), like %d more of %d; the others go on",
        partition.part, messages[place].message_id, len(trial.failed) - 1, len(messages), exc_info=error,
    )  # fmt: skip
    return True


def _nobodys_fault(partition: "PartitionMonitor", trial: _Trial) -> Exception:
    error = next(iter(trial.failed.values()))
    error.add_note(
        f"{partition.part}: {trial.in_a_row} messages in a row met such a fault, and none was taken; so it is not"
        " theirs. The stream stops, and nothing of them is lost"
    )
    return error
