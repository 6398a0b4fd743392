"""The files that a stream's `enrich` and `schema` name: read whole when the pack is loaded."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agents.mapping import text_of
from contracts import Enrich, PackManifest, StreamSpec, install_command
from forestall.packs.mistakes import Location, Mistake, nearest, shown
from forestall.packs.source import Source

MAX_ROWS = 100_000
MAX_BYTES = 16 * 1024 * 1024
Rows = dict[str, dict[str, Any]]


class _Wrong(Exception):
    """What is wrong with a file; `line` 1 stands for the whole of it."""

    def __init__(self, rule: str, *, line: int = 1, field: str = "", value: object = None) -> None:
        super().__init__(rule)
        self.line, self.field, self.value = line, field, value


def read_tables(source: Source, manifest: PackManifest) -> tuple[PackManifest, list[Mistake]]:
    """The manifest with the content of its tables and Avro schemas in it, and every mistake in them."""
    mistakes: list[Mistake] = []
    streams = []
    for place, stream in enumerate(manifest.streams):
        at: Location = ("streams", place)
        steps = [
            _enriched(source, (*at, "enrich", number), step, mistakes) for number, step in enumerate(stream.enrich)
        ]
        changes: dict[str, Any] = {"enrich": tuple(steps)} if steps else {}
        if stream.avro_schema is not None:
            changes["avro_schema"] = _schema(source, (*at, "schema"), stream, mistakes)
        streams.append(stream.model_copy(update=changes))
    return manifest.model_copy(update={"streams": tuple(streams)}), mistakes


def tables_of(manifest: PackManifest) -> list[Any]:
    """What was read, for the pack's digest."""
    found: list[Any] = [step.rows for stream in manifest.streams for step in stream.enrich if step.rows is not None]
    return found + [stream.avro_schema for stream in manifest.streams if stream.avro_schema is not None]


def _enriched(source: Source, at: Location, step: Enrich, mistakes: list[Mistake]) -> Enrich:
    if step.table is None:
        return step
    if step.rows is not None:
        mistakes.append(source.mistake((*at, "rows"), "come from the table; remove them"))
        return step
    file = _file(source, (*at, "table"), step.table, mistakes)
    if file is None:
        return step
    try:
        return step.model_copy(update={"rows": _rows(file, step)})
    except _Wrong as wrong:
        told = "" if wrong.value is None else shown(wrong.value)
        mistakes.append(Mistake(file, wrong.line, wrong.field, told, str(wrong)))
        return step


def _file(source: Source, at: Location, name: str, mistakes: list[Mistake]) -> Path | None:
    folder = source.file.parent
    file = folder / name
    rule = None
    if Path(name).is_absolute() or ".." in Path(name).parts:
        rule = "must be a file in the pack's folder; copy it there"
    elif not file.is_file():
        there = [each.name for each in folder.iterdir() if each.suffix == Path(name).suffix]
        rule = f"no such file in {folder}; {nearest(name, there) if there else 'put it there or correct the name'}"
    elif file.stat().st_size > MAX_BYTES:
        rule = f"{file.stat().st_size} bytes; at most {MAX_BYTES} are read"
    if rule is not None:
        mistakes.append(source.mistake(at, rule, name))
        return None
    return file


def _rows(file: Path, step: Enrich) -> Rows:
    match = step.match or ""
    rows: Rows = {}
    places: dict[str, str] = {}
    for line, place, row in _json(file) if file.suffix == ".json" else _lines(file, step):
        key = row.get(match)
        text = "" if key is None else text_of(_scalar(key, line, match))
        if not text:
            raise _Wrong(f"{place}: no value; each row needs one here", line=line, field=match)
        if text in rows:
            raise _Wrong(f"{place}: taken by {places[text]}; write one row a value", line=line, field=match, value=key)
        if len(rows) == MAX_ROWS:
            raise _Wrong(f"more than {MAX_ROWS} rows; enrich it upstream", line=line)
        rows[text] = {name: _scalar(row.get(name), line, name) for name in step.take.values()}
        places[text] = place
    for name in step.take.values():
        if rows and all(values[name] is None for values in rows.values()):
            raise _Wrong("no row has a value in this column; correct `take`", field=name)
    return rows


def _scalar(value: Any, line: int, name: str) -> Any:
    if isinstance(value, dict | list):
        raise _Wrong("must be text, a number, true or false", line=line, field=name, value=value)
    return value if value is None or isinstance(value, bool | int | float | str) else float(value)


def _lines(file: Path, step: Enrich) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
    from triggers.emit import FixFile, open_rows

    try:
        with open_rows(file) as (columns, rows):
            for name in [step.match or "", *step.take.values()] if columns is not None else []:
                if name not in (columns or ()):
                    raise _Wrong(f"no such column; {nearest(name, columns or ())}", value=name)
            for row in rows:
                if row.fault is not None:
                    raise _Wrong(row.fault, line=row.line)
                yield row.line, f"line {row.line}", row.values
    except FixFile as error:
        line, _, rule = str(error).removeprefix(f"{file}:").partition(": ")
        raise _Wrong(rule or line.strip(), line=int(line) if line.isdecimal() else 1) from error


def _json(file: Path) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
    """An array of objects."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise _Wrong("not UTF-8; save the file as UTF-8") from error
    except json.JSONDecodeError as error:
        raise _Wrong(f"not JSON: {error.msg}", line=error.lineno) from error
    except RecursionError as error:
        raise _Wrong("not JSON: nested too deeply") from error
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise _Wrong("must be an array of objects, one a row")
    yield from ((1, f"row {number}", row) for number, row in enumerate(found, 1))


def _schema(source: Source, at: Location, stream: StreamSpec, mistakes: list[Mistake]) -> Any:
    """The schema as JSON: what the file says, or what is written in the manifest itself."""
    given = stream.avro_schema
    file, schema = source.file, given
    if isinstance(given, str):
        found = _file(source, at, given, mistakes)
        if found is None:
            return given
        file = found
        try:
            schema = json.loads(file.read_text(encoding="utf-8"))
        except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
            line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
            mistakes.append(Mistake(file, line, "", "", f"not JSON: {error}; an Avro schema is JSON"))
            return given
    rule = _no_schema(schema)
    if rule is not None:
        mistakes.append(source.mistake(at, rule) if file == source.file else Mistake(file, 1, "", "", rule))
    return schema


def _no_schema(schema: Any) -> str | None:
    try:
        import fastavro
    except ModuleNotFoundError:
        return f"Avro is not installed; install Forestall with it: {install_command('pulsar')}"
    try:
        parsed = fastavro.parse_schema(schema, named_schemas={})
    except Exception as error:  # fastavro raises what it meets: KeyError, TypeError, its own
        return f"no Avro schema: {type(error).__name__}: {error}"
    return None if isinstance(parsed, dict) and parsed.get("type") == "record" else "must be a record"
