"""Mapping files of `forestall emit`: read, checked, and every mistake told with its line."""

from pathlib import Path

from contracts import MappingFile
from forestall.errors import InputError, PackError
from forestall.packs.mistakes import Mistake
from forestall.packs.shape import check_shape
from forestall.packs.source import Source, read_source


def load_mapping(path: Path, rows: Path | None = None) -> MappingFile:
    """The mapping in a YAML file; with a file of `rows`, its columns are checked against that file's first line, too.

    Raises:
        PackError: it breaks a rule; the text lists every mistake.
        InputError: it cannot be read.
        FixFile: the rows cannot be read.
    """
    try:
        source = read_source(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    mapping, mistakes = check_shape(source, MappingFile)
    if mapping is not None and rows is not None:
        mistakes += _unknown_columns(source, mapping, rows)
    if mapping is None or mistakes:
        raise PackError([str(each) for each in sorted(mistakes, key=lambda each: each.line)])
    return mapping


def _unknown_columns(source: Source, mapping: MappingFile, rows: Path) -> list[Mistake]:
    """JSON lines name theirs in each row, where one may be missing."""
    from triggers.emit import open_rows

    with open_rows(rows) as (columns, _):
        found = [] if columns is None else mapping.unknown(columns)
        return [source.mistake(place, rule) for place, rule in found]
