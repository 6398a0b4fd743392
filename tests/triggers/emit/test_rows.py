"""Rows of files, with their numbers, lines and faults."""

import gzip
from decimal import Decimal

import pytest

from triggers.emit import FixFile
from triggers.emit.rows import LINE_MAX_BYTES, open_rows


def rows_of(path):
    with open_rows(path) as (columns, rows):
        return columns, list(rows)


def test_csv_rows_know_their_number_and_line(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_bytes(b'\xef\xbb\xbfno,note\r\n1,"two\nlines"\r\n\r\n2,\r\n3\r\n4,\xff\r\n')
    columns, rows = rows_of(path)
    assert columns == ["no", "note"]
    assert [(row.number, row.line, dict(row.values)) for row in rows] == [
        (1, 2, {"no": "1", "note": "two\nlines"}),
        (2, 5, {"no": "2"}),
        (3, 6, {}),
        (4, 7, {"no": "4", "note": "\udcff"}),
    ]
    assert [row.fault for row in rows] == [None, None, "1 cells, the first line has 2", None]


def test_json_rows_know_their_number_and_line(tmp_path):
    path = tmp_path / "orders.jsonl"
    path.write_bytes(b'{"no": 1, "price": 2.50, "note": null}\n\n[1]\n{"no"\n{"no": "\xff"}\n{"ok": true}')
    columns, rows = rows_of(path)
    assert columns is None
    assert [(row.number, row.line, dict(row.values)) for row in rows] == [
        (1, 1, {"no": 1, "price": Decimal("2.50")}),
        (2, 3, {}),
        (3, 4, {}),
        (4, 5, {}),
        (5, 6, {"ok": True}),
    ]
    assert [row.fault is None for row in rows] == [True, False, False, False, True]
    assert "no JSON object" in rows[1].fault


@pytest.mark.parametrize(("name", "text"), [("a.csv", b"no\n1\n"), ("a.jsonl", b'{"no": "1"}\n')])
def test_gzip_is_unpacked(tmp_path, name, text):
    path = tmp_path / f"{name}.gz"
    path.write_bytes(gzip.compress(text))
    assert [dict(row.values) for row in rows_of(path)[1]] == [{"no": "1"}]


def test_csv_goes_on_after_a_cell_that_is_too_large(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_bytes(b"no\n" + b"x" * 200_000 + b"\n2\n")
    rows = rows_of(path)[1]
    assert [(row.number, row.line) for row in rows] == [(1, 2), (2, 3)]
    assert "field larger than field limit" in rows[0].fault
    assert rows[1].values == {"no": "2"}


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("a.txt", b"", "unknown format; the name must end in"),
        ("a.csv", b"", ":1: the first line must name the columns"),
        ("a.csv", b"no\r1\r", ":1: the first line must name the columns; it is no valid CSV"),
        ("a.csv", b"no,no\n", ":1: the first line must name the columns, each once"),
        ("a.csv", b"no\n1\n" + b"x" * (LINE_MAX_BYTES + 1), ":3: the line is longer than"),
        ("a.csv.gz", b"no gzip", ":1: cannot be read on: Not a gzipped file"),
        ("a.csv.gz", gzip.compress(b"no\n1\n", mtime=0)[:-9], "cannot be read on: Compressed file ended"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, name, content, fault):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FixFile) as found:
        rows_of(path)
    assert str(found.value).startswith(str(path))
    assert fault in str(found.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FixFile, match=r"none\.csv: cannot be read: No such file"):
        rows_of(tmp_path / "none.csv")


@pytest.mark.parametrize("length", [LINE_MAX_BYTES - 1, LINE_MAX_BYTES, 5_000_000, 3 * (LINE_MAX_BYTES + 1)])
def test_a_json_line_that_is_too_long_is_a_bad_row(tmp_path, length):
    path = tmp_path / "a.jsonl"
    start = b'{"no": "'
    long = start + b"x" * (length - len(start) - 2) + b'"}'
    path.write_bytes(b'{"no": 1}\n' + long + b'\n{"no": 3}\n')
    with open_rows(path) as (_, rows):
        found = [(row.number, row.line, row.fault) for row in rows]
    fault = None if length < LINE_MAX_BYTES else f"longer than {LINE_MAX_BYTES} bytes (LINE_MAX_BYTES)"
    assert found == [(1, 1, None), (2, 2, fault), (3, 3, None)]
