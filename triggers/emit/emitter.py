"""Publishes a file's rows, in batches, without ever holding the file."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from triggers.brokers import Broker, Outgoing, RefuseMessage, RetryLater
from triggers.emit.errors import FixMapping
from triggers.emit.pace import Pace, Sleep
from triggers.emit.positions import Position
from triggers.emit.prepare import BadRow, Plan, Preparer, Ready
from triggers.emit.rows import Row, open_rows

BAD_ROWS_MAX = 100
"""Bad rows that a report spells out; all of them are counted."""
ATTEMPTS = 6
"""How often a batch is tried while the broker is away; the waits between them add up to half a minute."""


@dataclass(frozen=True, slots=True)
class EmitReport:
    """What came of a file so far, in this run: the first `earlier` rows had been dealt with before it.

    `bad` holds the first `BAD_ROWS_MAX` of the `bad_total` rows that were left out.
    """

    earlier: int = 0
    rows: int = 0
    published: int = 0
    bad_total: int = 0
    bad: tuple[BadRow, ...] = ()

    def plus(self, published: int, bad: Sequence[BadRow]) -> "EmitReport":
        """The report after another batch."""
        return replace(
            self,
            rows=self.rows + published + len(bad),
            published=self.published + published,
            bad_total=self.bad_total + len(bad),
            bad=(self.bad + tuple(bad))[:BAD_ROWS_MAX],
        )


async def emit(
    source: Path,
    plan: Plan,
    broker: Broker,
    pace: Pace,
    *,
    position: Position | None = None,
    progress: Callable[[EmitReport], None] = lambda _: None,
    batch: int = 1000,
) -> EmitReport:
    """Publish every good row, in the file's order; name the bad ones.

    With a `position` the rows before it are passed over, and it is saved after each batch: what is interrupted and
    emitted again publishes at most one batch twice, with the same ids.

    Args:
        progress: told after each publish.
        batch: rows a publish, at most.

    Raises:
        FixMapping: the mapping names a column that the file does not have; nothing was published.
        FixFile: the file cannot be read (on).
        BrokerError: the broker failed, or was away too long; what came before is published.
    """
    report = EmitReport(earlier=position.rows if position else 0)
    if position is not None and position.whole:
        return report
    preparer = Preparer(plan, source)
    with open_rows(source) as (columns, rows):
        if columns is not None and plan.mapping and (unknown := plan.mapping.unknown(columns)):
            raise FixMapping("\n".join(f"{'.'.join(map(str, place))}: {fault}" for place, fault in unknown))
        await asyncio.to_thread(_pass_over, rows, report.earlier)
        ahead = _prepared(preparer, rows, batch)
        try:
            while todo := await ahead:
                ahead = _prepared(preparer, rows, batch)
                while todo:
                    due = await pace.due(todo)
                    report = await _publish(broker, plan.topic, todo[:due], pace.sleep, report)
                    todo = todo[due:]
                    _save(position, report, whole=False)
                    progress(report)
        finally:
            await asyncio.gather(
                ahead, return_exceptions=True
            )  # a thread cannot be cancelled, and the file closes behind it
    _save(position, report, whole=True)
    return report


def _pass_over(rows: Iterator[Row], number: int) -> None:
    for _ in islice(rows, number):
        pass


def _prepared(preparer: Preparer, rows: Iterator[Row], batch: int) -> asyncio.Future[list[Ready | BadRow]]:
    """Read, map and encode the next batch in a thread, while the one before it is published."""
    return asyncio.ensure_future(asyncio.to_thread(lambda: [preparer.prepare(row) for row in islice(rows, batch)]))


def _save(position: Position | None, report: EmitReport, *, whole: bool) -> None:
    if position is not None:
        replace(position, rows=report.earlier + report.rows, whole=whole).save()


async def _publish(
    broker: Broker, topic: str, rows: Sequence[Ready | BadRow], sleep: Sleep, report: EmitReport
) -> EmitReport:
    """Publish the good ones; what the broker refuses is a bad row, the others go on."""
    bad = [row for row in rows if isinstance(row, BadRow)]
    good = [row for row in rows if isinstance(row, Ready)]
    while good:
        try:
            await _send(broker, topic, [row.message for row in good], sleep)
            break
        except RefuseMessage as error:
            bad.append(BadRow(good.pop(error.index).line, None, None, str(error)))
    return report.plus(len(good), sorted(bad, key=lambda row: row.line))


async def _send(broker: Broker, topic: str, messages: list[Outgoing], sleep: Sleep) -> None:
    retrying = AsyncRetrying(
        retry=retry_if_exception_type(RetryLater),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(),
        sleep=sleep,
        reraise=True,
    )
    await retrying(broker.publish, topic, messages)
