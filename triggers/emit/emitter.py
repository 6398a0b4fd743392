"""Publishes a file's rows as events, in batches, without ever holding the file."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from contracts import Event, MalformedEvent, decode_event, encode_event
from triggers.brokers import Broker, Outgoing, RefuseMessage
from triggers.emit.build import BadRow, EventBuilder
from triggers.emit.errors import FixMapping
from triggers.emit.mapping import MappingSpec
from triggers.emit.rows import Row, open_rows

BAD_ROWS_MAX = 100
"""Bad rows that a report spells out; all of them are counted."""


@dataclass(frozen=True, slots=True)
class EmitReport:
    """What came of a file so far. `bad` holds the first `BAD_ROWS_MAX` of the `bad_total` rows that were left out."""

    rows: int = 0
    published: int = 0
    bad_total: int = 0
    bad: tuple[BadRow, ...] = ()

    def plus(self, published: int, bad: list[BadRow]) -> "EmitReport":
        """The report after another batch."""
        return EmitReport(
            self.rows + published + len(bad),
            self.published + published,
            self.bad_total + len(bad),
            (self.bad + tuple(bad))[:BAD_ROWS_MAX],
        )


async def emit(
    source: Path,
    mapping: MappingSpec,
    broker: Broker,
    *,
    progress: Callable[[EmitReport], None] = lambda _: None,
    batch: int = 500,
) -> EmitReport:
    """Publish every good row as an event, in the file's order; name the bad ones.

    Emitting a file again publishes the same ids, which intake deduplicates; so after an error, emit it again.

    Args:
        progress: told after each batch.
        batch: rows a publish.

    Raises:
        FixMapping: the mapping names a column that the file does not have; nothing was published.
        FixFile: the file cannot be read (on).
        BrokerError: the broker failed; what came before is published.
    """
    report, builder = EmitReport(), EventBuilder(mapping)
    with open_rows(source) as (columns, rows):
        if columns is not None and (unknown := mapping.unknown(columns)):
            raise FixMapping("\n".join(f"{'.'.join(place)}: {fault}" for place, fault in unknown))
        while prepared := await asyncio.to_thread(_prepare, builder, rows, batch):
            bad = [one for one in prepared if isinstance(one, BadRow)]
            good = [one for one in prepared if not isinstance(one, BadRow)]
            bad += await _publish(broker, mapping.topic, good)
            report = report.plus(len(prepared) - len(bad), sorted(bad, key=lambda one: one.line))
            progress(report)
    return report


def _prepare(builder: EventBuilder, rows: Iterator[Row], batch: int) -> list[tuple[int, Outgoing] | BadRow]:
    """Read, map and encode; in a thread, because a batch takes milliseconds."""
    return [_encode(row.line, builder.build(row)) for row in islice(rows, batch)]


def _encode(line: int, built: Event | BadRow) -> tuple[int, Outgoing] | BadRow:
    if isinstance(built, BadRow):
        return built
    payload = encode_event(built)
    try:
        decode_event(payload)  # what intake would refuse is named here, where its line is known
    except MalformedEvent as error:
        return BadRow(line, None, None, f"makes no valid event: {error.reason}")
    return line, Outgoing(payload, built.key)


async def _publish(broker: Broker, topic: str, good: list[tuple[int, Outgoing]]) -> list[BadRow]:
    """Publish; what the broker refuses is a bad row, the others go on."""
    refused: list[BadRow] = []
    while good:
        try:
            await broker.publish(topic, [outgoing for _, outgoing in good])
            break
        except RefuseMessage as error:
            refused.append(BadRow(good.pop(error.index)[0], None, None, str(error)))
    return refused
