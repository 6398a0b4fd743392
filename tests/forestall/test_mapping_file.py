"""Mapping files: what they may say, and how their mistakes are told."""

from pathlib import Path

import pytest

from forestall.errors import InputError, PackError
from forestall.packs import load_mapping
from triggers.emit import FixFile

ROOT = Path(__file__).parents[2]
GOOD = """\
topic: orders
source: /shop
id: row-{row}
type:
  cases:
    - when: {field: no, prefix: C}
      type: order.cancelled
  default: order.placed
time:
  column: at
  zone: Europe/London
key: no
fields:
  order_id:
    from: no
  price: {from: price, type: decimal, optional: true}
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "shop.mapping.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_mapping_is_read(tmp_path: Path) -> None:
    mapping = load_mapping(written(tmp_path, GOOD))
    assert mapping.type.cases[0].when.field == "no"
    assert mapping.type.default == "order.placed"
    assert mapping.fields["price"].optional
    assert mapping.time.format == "iso"


def test_what_goes_without_saying_need_not_be_said(tmp_path: Path) -> None:
    text = "topic: orders\ntype: order.placed\ntime: at\nfields: {order_id: no, city: customer.city}\n"
    mapping = load_mapping(written(tmp_path, text))
    assert (mapping.type.default, mapping.time.column, mapping.id, mapping.source) == ("order.placed", "at", None, None)
    assert (mapping.fields["city"].path, mapping.fields["city"].type) == ("customer.city", "string")


def test_the_retail_mapping_is_still_read() -> None:
    assert load_mapping(ROOT / "scenarios/retail/online_retail.mapping.yaml").id == "row-{row}"


MISTAKES = [
    ("topic: orders\n", "", 1, "topic", "missing; add it here"),
    ("source: /shop", "source: /shop\nsorce: /shop", 3, "sorce", "unknown field; did you mean 'source'?"),
    ("row-{row}", "row", 3, "id", "'row': is the same for every row"),
    ("row-{row}", "'{row:04}'", 3, "id", "in braces and nothing else"),
    ("row-{row}", "'{row'", 3, "id", "expected '}'"),
    (", prefix: C", ", prefix: C, equals: C", 6, "type.cases[0].when", "exactly one of equals, prefix"),
    ("order.cancelled", "Order Cancelled", 7, "type.cases[0].type", "must be the name of a type, such as order.placed"),
    ("  default: order.placed\n", "", 4, "type.default", "missing"),
    ("zone: Europe/London", "zone: Europe/Londn", 11, "time.zone", "'Europe/Londn': no time zone known here"),
    ("zone: Europe/London", "zone: Europe", 11, "time.zone", "no time zone known here"),
    ("zone: Europe/London", "zone: 10", 11, "time.zone", "write an offset in quotes"),
    ("column: at", "column: at\n  format: '%H:%M'", 11, "time.format", "does not hold year, month and day"),
    ("column: at", "column: at\n  format: '%Y-%m-%d %Q'", 11, "time.format", "nor a strptime format"),
    ("column: at", "column: at\n  format: epoch_s", 12, "time.zone", "an epoch and the publish time are in UTC"),
    ("column: at\n  zone: Europe/London", "publish: true", 9, "time", "a file's rows have no publish time"),
    ("column: at", "column: at\n  publish: true", 9, "time", "give exactly one of column, publish: true"),
    ("type: decimal", "type: money", 16, "fields.price.type", "'money': must be 'string'"),
    ("    from: no\n", "    type: string\n", 14, "fields.order_id.from", "missing"),
    ("  order_id:", "  Order-Id:", 14, "fields.Order-Id", "must be a name"),
    ("fields:\n", "fields: [\n", 15, "not YAML", ""),
]


@pytest.mark.parametrize(("old", "new", "line", "field", "rule"), MISTAKES, ids=lambda value: str(value)[:20])
def test_a_mistake_is_told_with_file_line_field_and_rule(
    tmp_path: Path, old: str, new: str, line: int, field: str, rule: str
) -> None:
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new))
    with pytest.raises(PackError) as found:
        load_mapping(path)
    (mistake,) = found.value.mistakes
    assert mistake.startswith(f"{path}:{line}: {field}"), mistake
    assert rule in mistake


def test_several_mistakes_are_several_lines(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD.replace("topic: orders", "topic: 7").replace("type: decimal", "type: money"))
    with pytest.raises(PackError) as found:
        load_mapping(path)
    assert [mistake.split(": ")[1] for mistake in found.value.mistakes] == ["topic", "fields.price.type"]


@pytest.mark.parametrize("text", ["- a list\n", "just text\n"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(PackError, match=r":1: .*must be fields"):
        load_mapping(written(tmp_path, text))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.yaml: cannot be read"):
        load_mapping(tmp_path / "none.yaml")


def test_columns_are_checked_against_the_rows(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    rows = tmp_path / "orders.csv"
    rows.write_text("no,when,price\n")
    with pytest.raises(PackError) as found:
        load_mapping(path, rows)
    assert str(found.value) == f"{path}:10: time.column: the file has no column 'at'; it has no, when, price"
    rows.write_text("no,at,price\n")
    load_mapping(path, rows)
    with pytest.raises(FixFile, match=r"orders\.txt: unknown format"):
        load_mapping(path, tmp_path / "orders.txt")
