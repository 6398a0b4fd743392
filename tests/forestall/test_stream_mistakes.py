"""What is wrong with a stream's mapping, steps, tables and schema is told with file, line, field, value, rule."""

import json
from pathlib import Path

import pytest

from forestall.cli.app import run
from forestall.errors import PackError
from forestall.packs import Pack, check_sample, load_pack

PACK = """\
pack: shop
title: A shop
streams:
  - topic: shop.orders
    mapping:
      type:
        cases:
          - when: {field: status, equals: void}
            type: order.voided
        default: order.placed
      id: "{no}"
      time: {column: created_at, format: epoch_ms}
      key: no
      fields:
        order: no
        value: {from: total.amount, type: decimal}
        pieces: {from: pieces, type: integer}
        gift: {from: gift, type: boolean, optional: true}
        warehouse: {from: warehouse, optional: true}
    keep:
      - {field: warehouse, one_of: [A, B]}
    enrich:
      - {table: warehouses.csv, on: warehouse, match: code, take: {region: region}, missing: unknown}
      - {set: channel, to: web}
    processed: shop.orders.processed
  - topics: "pumps\\\\..*"
    format: avro
    schema: pump.avsc
    mapping:
      type: pump.read
      time: {publish: true}
      fields:
        pump: pump
        level: {from: level, type: number}
measures:
  - name: voided
    title: Voided orders
    of: [order.voided]
    aggregate: distinct
    unit: order
    dimensions: [region, channel, warehouse]
  - name: turnover
    title: Turnover
    of: [order.placed]
    aggregate: sum
    field: value
  - {name: level, title: Level, of: [pump.read], aggregate: mean, field: level, key: pump}
detectors:
  - {name: spike, measure: voided, kind: count}
"""
TABLE = "code,region,size\nA,north,1\nB,south,2\n"
SCHEMA = {"type": "record", "name": "Pump", "fields": [{"name": "pump", "type": "string"}]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pack.yaml").write_text(PACK)
    (tmp_path / "warehouses.csv").write_text(TABLE)
    (tmp_path / "pump.avsc").write_text(json.dumps(SCHEMA))
    return tmp_path


def mistakes(folder: Path) -> list[str]:
    """Without the folder's name in front."""
    with pytest.raises(PackError) as caught:
        load_pack(folder)
    return [each.removeprefix(f"{folder}/") for each in caught.value.mistakes]


def loaded(folder: Path) -> Pack:
    return load_pack(folder)


def test_a_good_pack_is_loaded_with_its_tables_and_its_schema(folder: Path) -> None:
    pack = loaded(folder)
    shop, pumps = pack.manifest.streams
    assert shop.enrich[0].rows == {"A": {"region": "north"}, "B": {"region": "south"}}
    assert pumps.avro_schema == SCHEMA
    assert [each.type for each in shop.types] == ["order.voided", "order.placed"]
    assert shop.types[0].data["required"] == ["order", "value", "pieces", "region", "channel"]
    assert (shop.format, shop.name, pumps.name) == ("json", "shop.orders", r"pumps\..*")


def test_what_a_table_says_is_part_of_the_packs_digest(folder: Path) -> None:
    before = loaded(folder).digest
    (folder / "warehouses.csv").write_text(TABLE.replace("south", "east"))
    assert loaded(folder).digest != before


MISTAKES = [
    ("default: order.placed", "default: Order Placed", "mapping.type.default", "the name of a type, such as"),
    ('id: "{no}"', 'id: "{row}"', "mapping.id", "'{row}': only files have a {row}; name fields that tell messages"),
    ('id: "{no}"', 'id: "no"', "mapping.id", "'no': is the same for every row"),
    ("format: epoch_ms", "format: epoch_hours", "mapping.time.format", "write iso, epoch_s, epoch_ms, epoch_us or a"),
    ("format: epoch_ms", "formt: epoch_ms", "mapping.time.formt", "unknown field; did you mean 'format'?"),
    ("column: created_at, format", "publish: maybe, format", "mapping.time.publish", "must be true or false"),
    ("type: decimal}", "type: money}", "fields.value.type", "'money': must be 'string'"),
    ("value: {from: total.amount,", "value: {frm: total.amount,", "fields.value.frm", "did you mean 'from'?"),
    ("        order: no", "        Order: no", "mapping.fields.Order", "must be a name"),
    ("{field: warehouse, one_of", "{field: warehous, one_of", "keep[0].field", "makes no such field; did you mean"),
    ("{field: warehouse, one_of", "{field: region, one_of", "keep[0].field", "'region': the mapping makes no such"),
    ("on: warehouse,", "on: warehous,", "enrich[0].on", "makes no such field; did you mean 'warehouse'?"),
    ("table: warehouses.csv", "table: warehouse.csv", "enrich[0].table", "no such file in"),
    ("table: warehouses.csv", "table: ../w.csv", "enrich[0].table", "must be a file in the pack's folder"),
    ("match: code, ", "", "enrich[0].table", "needs `on`, a field of the event"),
    ("{set: channel, to: web}", "{set: channel}", "enrich[1].set", "needs `to`, the field's value"),
    ("{set: channel, to: web}", "{to: web}", "enrich[1]", "give exactly one of table, set"),
    ("processed: shop.orders.processed", "processed: shop.orders", "processed", "reads this topic itself; choose"),
    ('topics: "pumps\\\\..*"', 'topics: "pumps(.*"', "streams[1].topics", "no regular expression: missing )"),
    ('topics: "pumps\\\\..*"', 'topics: ".*orders"', "streams[1].topics", "a topic is read by one stream"),
    ('topics: "pumps\\\\..*"', 'topics: ".*"\n    topic: pumps', "streams[1].topics", "exactly one of topic, topics"),
    ("format: avro", "format: protobuf", "streams[1].format", "must be 'cloudevents', 'json' or 'avro'"),
    ("schema: pump.avsc", "schema: pumps.avsc", "streams[1].schema", "no such file in"),
    ("of: [order.voided]", "of: [order.void]", "measures[0].of[0]", "no stream declares this type; did you mean"),
    ("unit: order", "unit: odrer", "measures[0].unit", "'order.voided' declares no such field; did you mean 'order'?"),
    ("dimensions: [region,", "dimensions: [regin,", "measures[0].dimensions[0]", "did you mean 'region'?"),
    ("field: value", "field: gift", "measures[1].field", "'gift': is boolean, and sum needs a number"),
    ("field: value", "field: warehouse", "measures[1].field", "is text, and sum needs a number; map it as number"),
]


@pytest.mark.parametrize(("old", "new", "field", "says"), MISTAKES, ids=lambda value: str(value)[:30])
def test_a_mistake_is_told_with_its_line(folder: Path, old: str, new: str, field: str, says: str) -> None:
    assert PACK.count(old) == 1, old
    (folder / "pack.yaml").write_text(PACK.replace(old, new))
    line = PACK[: PACK.index(old)].count("\n") + 1
    found = [each for each in mistakes(folder) if field in each and says in each]
    assert found, mistakes(folder)
    assert not any("must have at least" in each for each in mistakes(folder))
    assert found[0].startswith(f"pack.yaml:{line}: streams[") or found[0].startswith(f"pack.yaml:{line}: measures[")


def test_a_format_without_a_mapping_is_told(folder: Path) -> None:
    start, end = PACK.index("    mapping:\n      type: pump.read"), PACK.index("measures:")
    (folder / "pack.yaml").write_text(PACK[:start] + PACK[end:])
    assert "pack.yaml:27: streams[1].format: 'avro': json and avro need `mapping`, and cloudevents takes none;" in (
        "\n".join(mistakes(folder))
    )


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ("json", "pack.yaml:28: streams[1].schema: 'pump.avsc': belongs to format: avro; remove it"),
        ("cloudevents", "pack.yaml:29: streams[1].mapping: json and avro need `mapping`, and cloudevents takes none;"),
    ],
)
def test_a_format_that_does_not_fit_the_rest_is_told(folder: Path, form: str, says: str) -> None:
    (folder / "pack.yaml").write_text(PACK.replace("format: avro", f"format: {form}"))
    assert says in "\n".join(mistakes(folder))


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        (
            "[{type: order.voided}]",
            "mapping.type.default: 'order.placed': the stream's types do not declare it",
        ),
        (
            "[{type: order.voided}, {type: order.placed, data: {required: [orderr]}}]",
            "streams[0].types[1].data.required[0]: 'orderr': the mapping makes no such field; did you mean 'order'?",
        ),
    ],
)
def test_declared_types_must_fit_the_mapping(folder: Path, declared: str, says: str) -> None:
    (folder / "pack.yaml").write_text(PACK.replace("    keep:\n", f"    types: {declared}\n    keep:\n"))
    assert any(says in each for each in mistakes(folder)), mistakes(folder)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("w.csv", "code,zone\nA,1\n", "w.csv:1: 'region': no such column; known: code, zone"),
        ("w.csv", "code,region\nA,1\nA,2\n", "w.csv:3: code: 'A': line 3: taken by line 2; write one row a value"),
        ("w.csv", "code,region\nA\n", "w.csv:2: 1 cells, the first line has 2"),
        ("w.csv", "code,region\n,1\n", "w.csv:2: code: line 2: no value; each row needs one here"),
        ("w.csv", "", "w.csv:1: the first line must name the columns"),
        ("w.json", "[", "w.json:1: not JSON: Expecting value"),
        ("w.json", '{"A": 1}', "w.json:1: must be an array of objects, one a row"),
        ("w.json", '[{"code": "A", "region": [1]}]', "w.json:1: region: [1]: must be text, a number, true or false"),
        ("w.json", '[{"code": 1, "regon": "x"}]', "w.json:1: region: no row has a value in this column"),
        ("w.txt", "code", "w.txt:1: unknown format"),
    ],
)
def test_a_mistake_in_a_table_names_its_file_and_line(folder: Path, name: str, content: str, says: str) -> None:
    (folder / "pack.yaml").write_text(PACK.replace("warehouses.csv", name))
    (folder / name).write_text(content)
    found = mistakes(folder)
    assert any(each.startswith(says.split(": ")[0]) and says in each for each in found), found


def test_a_table_has_a_bound(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forestall.packs.tables.MAX_ROWS", 1)
    assert mistakes(folder) == ["warehouses.csv:3: more than 1 rows; enrich it upstream"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "pump.avsc:1: not JSON"),
        ('"long"', "pump.avsc:1: must be a record"),
        (
            '{"type": "record", "name": "P", "fields": [{"name": "x", "type": "nothing"}]}',
            "pump.avsc:1: no Avro schema",
        ),
    ],
)
def test_a_mistake_in_a_schema_names_its_file(folder: Path, content: str, says: str) -> None:
    (folder / "pump.avsc").write_text(content)
    assert any(each.startswith(says) for each in mistakes(folder)), mistakes(folder)


def test_json_and_json_lines_tables_are_read(folder: Path) -> None:
    rows = [{"code": "A", "region": "north"}, {"code": 7, "region": 1.5}]
    for name, text in (("w.json", json.dumps(rows)), ("w.jsonl", "\n".join(map(json.dumps, rows)))):
        (folder / "pack.yaml").write_text(PACK.replace("warehouses.csv", name))
        (folder / name).write_text(text)
        assert loaded(folder).manifest.streams[0].enrich[0].rows == {"A": {"region": "north"}, "7": {"region": 1.5}}


def rows(folder: Path, **changes: object) -> Path:
    row = {"no": 1, "created_at": 1.8e12, "status": "paid", "total": {"amount": 2.5}, "pieces": 1, "warehouse": "A"}
    wrong = [row | {"gift": "no"}, row | {"pieces": "six"}, row | {"warehouse": "Z"}, row]
    file = folder / "sample.jsonl"
    file.write_text("".join(json.dumps(each | changes) + "\n" for each in wrong))
    return file


def test_a_sample_is_tried(folder: Path) -> None:
    found = check_sample(str(folder), rows(folder), "shop.orders")
    assert (found.rows, found.events, found.filtered) == (4, 2, 1)
    assert found.bad == (
        "line 2: pieces = 'six': no whole number up to 9007199254740991; write digits only, or map it as a string",
    )


def test_what_no_row_of_a_sample_has_is_told_with_its_line(folder: Path) -> None:
    with pytest.raises(PackError) as caught:
        check_sample(str(folder), rows(folder, total=None), "shop.orders")
    assert str(caught.value) == (
        f"{folder}/pack.yaml:16: streams[0].mapping.fields.value.from: 'total.amount': no row of the sample has it; "
        "known: created_at, gift, no, pieces, status, warehouse"
    )


def test_a_sample_is_for_one_stream(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["pack", "check", str(folder), "--sample", str(rows(folder))]
    assert run(command) == 3
    assert "streams that map and are meant: shop.orders, pumps" in " ".join(capsys.readouterr().err.split())
    assert run([*command, "--stream", "shop.orders"]) == 0
    assert "sample.jsonl: 2 of 4 rows become events of shop.orders; 1 are filtered out." in " ".join(
        capsys.readouterr().out.split()
    )
    assert run([*command[:-1], "none.csv"]) == 3
