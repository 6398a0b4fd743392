"""History from a file: lines that are events, or rows that a mapping makes into events."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from io import BufferedIOBase
from itertools import islice
from pathlib import Path

from agents.mapping import Fault, Mapper, Origin
from contracts import DEFAULT_TENANT, EventMapping, MalformedEvent, PackManifest, decode_event, encode_event
from forestall.backtest.recorded import Recorded
from forestall.backtest.result import BadInput, Rows
from forestall.errors import InputError
from triggers.emit import FixMapping, Row, open_rows

BATCH = 500
LINE_MAX_BYTES = 1024 * 1024
BAD_SHOWN = 20
"""Rows that could not be used and are spelled out."""


class EventLines:
    """JSON lines, each an event; what is none is played too, and ends as a dead letter."""

    def __init__(self, path: Path, manifest: PackManifest) -> None:
        self.name, self.rows = path.name, Rows()
        self._path = path
        streams = [stream for stream in manifest.streams if stream.topic]
        if not streams:
            step = "Map rows of files with --map, or backtest the topics with --from topic."
            raise InputError(f"{path}: the pack {manifest.pack} names no single topic that events could be of", step)
        self._topics = {declared.type: str(each.topic) for each in reversed(streams) for declared in each.types}
        self._first = str(streams[0].topic)

    async def batches(self) -> AsyncIterator[list[Recorded]]:
        lines = _lines(self._path)
        while batch := await asyncio.to_thread(lambda: [self._recorded(line) for line in islice(lines, BATCH)]):
            self.rows = replace(self.rows, read=self.rows.read + len(batch))
            yield batch

    def _recorded(self, line: bytes) -> Recorded:
        try:
            event = decode_event(line)
        except MalformedEvent:
            return Recorded(self._first, line, None, None)
        return Recorded(self._topics.get(event.type, self._first), line, event.key, event.time)


def _lines(path: Path) -> Iterator[bytes]:
    try:
        raw = path.open("rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    with raw, gzip.GzipFile(fileobj=raw) if path.name.endswith(".gz") else raw as stream:
        for number, line in enumerate(_read(stream, path), 1):
            if len(line) > LINE_MAX_BYTES:
                raise InputError(f"{path}:{number}: the line is longer than {LINE_MAX_BYTES} bytes (LINE_MAX_BYTES)")
            text = line.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else line.strip()
            if text:
                yield text


def _read(stream: BufferedIOBase, path: Path) -> Iterator[bytes]:
    number = 0
    while True:
        number += 1
        try:
            line = stream.readline(LINE_MAX_BYTES + 2)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{path}:{number}: cannot be read on: {error}") from error
        if not line:
            return
        yield line


class MappedRows:
    """Rows of a CSV or JSON lines file, mapped as `forestall emit` maps them."""

    def __init__(self, path: Path, mapping: EventMapping, topic: str, tenant: str = DEFAULT_TENANT) -> None:
        self.name, self.rows = path.name, Rows()
        self._path, self._mapping, self._topic = path, mapping, topic
        self._mapper = Mapper(mapping, tenant=tenant)

    async def batches(self) -> AsyncIterator[list[Recorded]]:
        with open_rows(self._path) as (columns, rows):
            if columns is not None and (unknown := self._mapping.unknown(columns)):
                raise FixMapping("\n".join(f"{'.'.join(map(str, place))}: {fault}" for place, fault in unknown))
            while batch := await asyncio.to_thread(lambda: [self._recorded(row) for row in islice(rows, BATCH)]):
                bad = [each for each in batch if isinstance(each, BadInput)]
                shown = (self.rows.bad + tuple(bad))[:BAD_SHOWN]
                self.rows = Rows(self.rows.read + len(batch), self.rows.left_out + len(bad), 0, shown)
                yield [each for each in batch if isinstance(each, Recorded)]

    def _recorded(self, row: Row) -> Recorded | BadInput:
        if row.fault is not None:
            return BadInput(row.line, None, None, row.fault)
        origin = Origin(self._topic, f"{self._path.name}:{row.number}", row.number)
        event = self._mapper.map(row.values, origin)
        if isinstance(event, Fault):
            return BadInput(row.line, event.field, event.value, event.rule)
        try:
            return Recorded(self._topic, encode_event(event), event.key, event.time, self._mapping)
        except UnicodeEncodeError:
            return BadInput(row.line, None, None, "not UTF-8; save the file as UTF-8")
