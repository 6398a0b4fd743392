"""Rows of a CSV or JSON lines file, one at a time; gzip is unpacked on the way."""

import csv
import gzip
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

from agents.mapping import Fault, read_json
from triggers.emit.errors import FixFile

LINE_MAX_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Row:
    """A data row: its `number` from 1, the `line` where it starts, and its values; or the fault that it is.

    A column without a value (an empty cell, a JSON null) is absent. `text` is a JSON object as it was written.
    """

    number: int
    line: int
    values: Mapping[str, object]
    fault: str | None = None
    text: bytes | None = None


@contextmanager
def open_rows(path: Path) -> Iterator[tuple[list[str] | None, Iterator[Row]]]:
    """The columns (None for JSON lines, which name theirs in each row) and the rows.

    Raises:
        FixFile: the name tells no known format, or the file cannot be read (on).
    """
    name = path.name.removesuffix(".gz")
    if not name.endswith((".csv", ".jsonl")):
        raise FixFile(f"{path}: unknown format; the name must end in .csv, .csv.gz, .jsonl or .jsonl.gz")
    try:
        raw = path.open("rb")
    except OSError as error:
        raise FixFile(f"{path}: cannot be read: {error.strerror}") from error
    with raw, gzip.GzipFile(fileobj=raw) if path.name.endswith(".gz") else raw as stream:
        lines = _lines(stream, path)
        yield _csv_rows(lines, path) if name.endswith(".csv") else (None, _json_rows(lines))


def _lines(stream: BufferedIOBase, path: Path) -> Iterator[bytes]:
    """Of a line that is too long the first `LINE_MAX_BYTES` and one more."""
    number = 0
    while True:
        number += 1
        try:
            line = rest = stream.readline(LINE_MAX_BYTES + 1)
            while len(rest) > LINE_MAX_BYTES and not rest.endswith(b"\n"):
                rest = stream.readline(LINE_MAX_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise FixFile(f"{path}:{number}: cannot be read on: {error}") from error
        if not line:
            return
        yield line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line


def _texts(lines: Iterator[bytes], path: Path) -> Iterator[str]:
    """A cell may go over several lines, so that nobody can say where the row behind a line that is too long begins.

    Bytes that are not UTF-8 survive as surrogates, so that the row is named and the next one is read.
    """
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_MAX_BYTES:
            raise FixFile(f"{path}:{number}: the line is longer than {LINE_MAX_BYTES} bytes (LINE_MAX_BYTES)")
        yield line.decode("utf-8", "surrogateescape")


def _csv_rows(lines: Iterator[bytes], path: Path) -> tuple[list[str], Iterator[Row]]:
    reader = csv.reader(_texts(lines, path))
    try:
        columns = next(reader, [])
    except csv.Error as error:
        raise FixFile(f"{path}:1: the first line must name the columns; it is no valid CSV: {error}") from error
    if not columns or len(set(columns)) != len(columns) or not all(columns):
        raise FixFile(f"{path}:1: the first line must name the columns, each once; it has {columns!r}")

    def rows() -> Iterator[Row]:
        number, end = 0, reader.line_num
        while True:
            try:
                cells = next(reader)
                fault = None
            except StopIteration:
                return
            except csv.Error as error:
                cells, fault = [], f"no valid CSV: {error}"
            line, end = end + 1, reader.line_num
            if not cells and fault is None:
                continue
            number += 1
            if fault is None and len(cells) != len(columns):
                fault = f"{len(cells)} cells, the first line has {len(columns)}"
            values = {} if fault else {name: cell for name, cell in zip(columns, cells, strict=True) if cell}
            yield Row(number, line, values, fault)

    return columns, rows()


def _json_rows(lines: Iterator[bytes]) -> Iterator[Row]:
    number = 0
    for line_number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        number += 1
        if len(line) > LINE_MAX_BYTES:
            yield Row(number, line_number, {}, f"longer than {LINE_MAX_BYTES} bytes (LINE_MAX_BYTES)")
            continue
        found = read_json(line)
        if isinstance(found, Fault):
            yield Row(number, line_number, {}, str(found))
        elif not isinstance(found, dict):
            yield Row(number, line_number, {}, "no JSON object; write an object on each line")
        else:
            values = {name: value for name, value in found.items() if value is not None}
            yield Row(number, line_number, values, text=line.strip())
