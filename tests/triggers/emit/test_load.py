"""Mapping files: what they may say, and how their faults are named."""

from pathlib import Path

import pytest

from triggers.emit import FixFile, FixMapping, load_mapping

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
    path.write_text(text.replace("no", "'no'"), encoding="utf-8")
    return path


def test_a_good_mapping_is_read(tmp_path):
    mapping = load_mapping(written(tmp_path, GOOD))
    assert mapping.type.cases[0].when.field == "no"
    assert mapping.type.default == "order.placed"
    assert mapping.fields["price"].optional
    assert mapping.time.format == "iso"


def test_a_constant_type_needs_no_cases(tmp_path):
    text = GOOD[: GOOD.index("type:")] + "type: order.placed\n" + GOOD[GOOD.index("time:") :]
    assert load_mapping(written(tmp_path, text)).type.default == "order.placed"


FAULTS = [
    ("topic: orders\n", "", 1, "topic", "Field required"),
    ("source: /shop", "source: /shop\nsorce: /shop", 3, "sorce", "Extra inputs are not permitted"),
    ("row-{row}", "row", 3, "id", "'row' is the same for every row"),
    ("row-{row}", "'{row:04}'", 3, "id", "in braces and nothing else"),
    ("row-{row}", "'{row'", 3, "id", "expected '}'"),
    (", prefix: C", ", prefix: C, equals: C", 6, "type.cases.0.when", "exactly one of equals, prefix"),
    ("order.cancelled", "Order Cancelled", 7, "type.cases.0.type", "String should match pattern"),
    ("  default: order.placed\n", "", 4, "type.default", "Field required"),
    ("zone: Europe/London", "zone: Europe/Londn", 11, "time.zone", "'Europe/Londn' is no time zone known here"),
    ("zone: Europe/London", "zone: Europe", 11, "time.zone", "is no time zone known here"),
    ("zone: Europe/London", "zone: +10:00", 11, "time.zone", "write an offset in quotes"),
    ("column: at", "column: at\n  format: '%H:%M'", 11, "time.format", "does not hold year, month and day"),
    ("column: at", "column: at\n  format: '%Y-%m-%d %Q'", 11, "time.format", "neither iso nor a strptime format"),
    ("type: decimal", "type: money", 16, "fields.price.type", "(it is 'money')"),
    ("    from: no\n", "    type: string\n", 14, "fields.order_id.from", "Field required"),
    ("  order_id:", "  Order-Id:", 14, "fields.Order-Id", "String should match pattern"),
    ("fields:\n", "fields: [\n", 15, "no valid YAML", ""),
]


@pytest.mark.parametrize(("old", "new", "line", "field", "rule"), FAULTS, ids=lambda value: str(value)[:20])
def test_a_fault_is_named_by_file_line_field_and_rule(tmp_path, old, new, line, field, rule):
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new))
    with pytest.raises(FixMapping) as found:
        load_mapping(path)
    assert str(found.value).startswith(f"{path}:{line}: {field}")
    assert rule in str(found.value)
    assert "\n" not in str(found.value)


def test_several_faults_are_several_lines(tmp_path):
    path = written(tmp_path, GOOD.replace("topic: orders", "topic: 7").replace("type: decimal", "type: money"))
    with pytest.raises(FixMapping) as found:
        load_mapping(path)
    assert [line.split(": ")[1] for line in str(found.value).splitlines()] == ["topic", "fields.price.type"]


@pytest.mark.parametrize("text", ["", "- a list\n", "just text\n"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path, text):
    with pytest.raises(FixMapping, match=r":1: the file must hold a mapping"):
        load_mapping(written(tmp_path, text))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(FixMapping, match=r"none\.yaml: cannot be read"):
        load_mapping(tmp_path / "none.yaml")


def test_columns_are_checked_against_the_data(tmp_path):
    path = written(tmp_path, GOOD)
    source = tmp_path / "orders.csv"
    source.write_text("no,when,price\n")
    with pytest.raises(FixMapping) as found:
        load_mapping(path, source)
    assert str(found.value) == f"{path}:10: time.column: the file has no column 'at'; it has no, when, price"
    source.write_text("no,at,price\n")
    load_mapping(path, source)
    with pytest.raises(FixFile, match=r"orders\.txt: unknown format"):
        load_mapping(path, tmp_path / "orders.txt")
