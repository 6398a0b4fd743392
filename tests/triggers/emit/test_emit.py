"""Files published as events through a real embedded broker."""

import gzip
import itertools
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts import Event, EventMapping, MappingFile, decode_event, from_iso
from triggers.brokers import EmbeddedBroker, EmbeddedSettings, RetryLater
from triggers.emit import FixFile, FixMapping, Pace, Plan, emit
from triggers.emit.emitter import BAD_ROWS_MAX

ROOT = Path(__file__).parents[3]
RETAIL = ROOT.parent / "shared" / "data" / "online_retail_2010-12.csv.gz"
RETAIL_MAPPING = ROOT / "scenarios" / "retail" / "online_retail.mapping.yaml"

MAPPING = {
    "source": "/shop",
    "id": "{no}-{row}",
    "type": {
        "cases": [
            {"when": {"field": "no", "prefix": "C"}, "type": "order.cancelled"},
            {"when": {"field": "note", "equals": "test"}, "type": "order.tested"},
        ],
        "default": "order.placed",
    },
    "time": {"column": "at", "zone": "Europe/London"},
    "key": "no",
    "fields": {
        "amount": {"from": "amount", "type": "integer"},
        "note": {"from": "note", "optional": True},
    },
}


class Frozen:
    def now(self) -> int:
        return 1


MAX = Pace(None, Frozen())


@pytest.fixture
async def broker(tmp_path):
    opened = await EmbeddedBroker.open(
        tmp_path / "events.db", Frozen(), settings=EmbeddedSettings(max_message_bytes=1000)
    )
    yield opened
    await opened.close()


@pytest.fixture
def mapping():
    return made(MAPPING)


def made(mapping: dict[str, Any]) -> Plan:
    return Plan("orders", EventMapping.model_validate(mapping))


async def events(broker: EmbeddedBroker, topic: str) -> list[Event]:
    consumer = await broker.subscribe(topic, "test")
    found = []
    while batch := await consumer.receive(1000, wait=False):
        for message in batch:
            event = decode_event(message.payload)
            assert message.key == event.key
            found.append(event)
        await consumer.ack(batch)
    return found


def written(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "orders.csv"
    path.write_text("\n".join(["no,at,amount,note", *lines]) + "\n", encoding="utf-8", newline="")
    return path


async def test_rows_become_events(broker, mapping, tmp_path):
    source = written(
        tmp_path, "1,2010-07-01T09:00:00,6,gift", "C2,2010-07-01T09:05:00,-6,test", "3,2010-07-01T09:10:00,1,test"
    )
    report = await emit(source, mapping, broker, MAX)
    assert (report.rows, report.published, report.bad_total, report.bad) == (3, 3, 0, ())
    assert await events(broker, "orders") == [
        Event(
            id="1-1",
            source="/shop",
            type="order.placed",
            time=from_iso("2010-07-01T08:00:00Z"),
            data={"amount": 6, "note": "gift"},
            key="1",
        ),
        Event(
            id="C2-2",
            source="/shop",
            type="order.cancelled",
            time=from_iso("2010-07-01T08:05:00Z"),
            data={"amount": -6, "note": "test"},
            key="C2",
        ),
        Event(
            id="3-3",
            source="/shop",
            type="order.tested",
            time=from_iso("2010-07-01T08:10:00Z"),
            data={"amount": 1, "note": "test"},
            key="3",
        ),
    ]


async def test_bad_rows_are_named_and_the_good_ones_go_on(broker, mapping, tmp_path):
    source = written(
        tmp_path,
        "1,2010-07-01T09:00:00,6,",
        "2,yesterday,6,",
        "3,2010-07-01T09:00:00,six,",
        ",2010-07-01T09:00:00,6,",
        "5,2010-03-28T01:30:00,6,",
        "6,2010-07-01T09:00:00,6",
        f"7,2010-07-01T09:00:00,6,{'x' * 1000}",
        "8,2010-07-01T09:00:00,6,",
    )
    report = await emit(source, mapping, broker, MAX)
    assert (report.rows, report.published, report.bad_total) == (8, 2, 6)
    assert [(bad.line, bad.column, bad.value) for bad in report.bad] == [
        (3, "at", "'yesterday'"),
        (4, "amount", "'six'"),
        (5, "no", None),
        (6, "at", "'2010-03-28T01:30:00'"),
        (7, None, None),
        (8, None, None),
    ]
    assert [
        text in bad.reason
        for text, bad in zip(
            ("ISO 8601", "no whole number", "required", "does not exist", "3 cells", "max_message_bytes"),
            report.bad,
            strict=True,
        )
    ] == [True] * 6
    assert str(report.bad[1]).startswith("line 4, column amount = 'six': no whole number")
    assert [event.id for event in await events(broker, "orders")] == ["1-1", "8-8"]


async def test_what_intake_would_refuse_is_a_bad_row(broker, tmp_path):
    source = written(tmp_path, "a,2010-07-01T09:00:00,6,", '"b\nc",2010-07-01T09:00:00,6,', "d,2010-07-01T09:00:00,6,")
    mapping = made(MAPPING | {"id": "{no}"})
    report = await emit(source, mapping, broker, MAX)
    assert [str(bad) for bad in report.bad] == [
        "line 3: makes no valid event: id: control character '\\n'; CloudEvents strings must not hold any"
    ]
    assert [event.id for event in await events(broker, "orders")] == ["a", "d"]


async def test_bad_rows_are_all_counted_but_only_some_spelled_out(broker, mapping, tmp_path):
    source = written(tmp_path, *["1,never,1,"] * (BAD_ROWS_MAX + 20))
    report = await emit(source, mapping, broker, MAX, batch=50)
    assert (report.published, report.bad_total, len(report.bad)) == (0, BAD_ROWS_MAX + 20, BAD_ROWS_MAX)
    assert await broker.topics() == []


async def test_progress_is_told_after_each_batch(broker, mapping, tmp_path):
    source = written(tmp_path, *["1,2010-07-01T09:00:00,6,"] * 25)
    told = []
    report = await emit(source, mapping, broker, MAX, progress=told.append, batch=10)
    assert [one.published for one in told] == [10, 20, 25]
    assert told[-1] == report


async def test_emitting_twice_repeats_the_same_ids(broker, mapping, tmp_path):
    source = written(tmp_path, *["1,2010-07-01T09:00:00,6,"] * 3)
    await emit(source, mapping, broker, MAX)
    await emit(source, mapping, broker, MAX, batch=2)
    assert Counter(event.id for event in await events(broker, "orders")) == {"1-1": 2, "1-2": 2, "1-3": 2}


async def test_without_an_id_the_file_and_the_row_are_taken(broker, tmp_path):
    source = written(tmp_path, *["1,2010-07-01T09:00:00,6,"] * 2)
    plan = made({name: value for name, value in MAPPING.items() if name not in ("id", "source")})
    await emit(source, plan, broker, MAX)
    assert [(event.source, event.id) for event in await events(broker, "orders")] == [
        ("orders", "orders.csv:1"),
        ("orders", "orders.csv:2"),
    ]


async def test_rows_may_go_out_as_they_are(broker, tmp_path):
    source = tmp_path / "orders.jsonl"
    source.write_text('{"no": "7", "at": "2010-07-01T09:00:00", "amount": 6.50, "note": null}\n{"no": "8", "at": 1}\n')
    fields = {"amount": {"from": "amount", "type": "decimal"}}
    raw = Plan("raw", made(MAPPING | {"fields": fields}).mapping, raw=True)
    report = await emit(source, raw, broker, MAX)
    assert [bad.column for bad in report.bad] == ["at"]
    report = await emit(source, Plan("raw", raw=True), broker, MAX)
    assert report.published == 2
    consumer = await broker.subscribe("raw", "test")
    found = [(message.key, message.payload) for message in await consumer.receive(10, wait=False)]
    first, second = source.read_bytes().splitlines()
    assert found == [("7", first), (None, first), (None, second)]
    rows = tmp_path / "orders.csv"
    rows.write_text("no,at,note\n9,today,\n")
    await emit(rows, Plan("raw", raw=True), broker, MAX)
    assert [message.payload for message in await consumer.receive(10, wait=False)] == [b'{"no":"9","at":"today"}']


class Away:
    """A broker that is away for the first publishes."""

    def __init__(self, broker: EmbeddedBroker, times: int) -> None:
        self._broker, self._times = broker, times

    async def publish(self, topic: str, payloads: Any) -> list[str]:
        self._times -= 1
        if self._times >= 0:
            raise RetryLater("away")
        return await self._broker.publish(topic, payloads)


async def test_a_broker_that_is_away_for_a_while_is_waited_for(broker, mapping, tmp_path):
    source = written(tmp_path, *["1,2010-07-01T09:00:00,6,"] * 3)
    slept: list[float] = []

    async def pause(seconds: float) -> None:
        slept.append(seconds)

    report = await emit(source, mapping, Away(broker, 5), Pace(None, Frozen(), pause))
    assert (report.published, slept) == (3, [1, 2, 4, 8, 16])
    with pytest.raises(RetryLater):
        await emit(source, mapping, Away(broker, 6), Pace(None, Frozen(), pause))


async def test_json_lines_are_emitted_like_csv(broker, mapping, tmp_path):
    source = tmp_path / "orders.jsonl.gz"
    rows = [
        {"no": 7, "at": "2010-07-01T09:00:00Z", "amount": 6},
        {"no": [7], "at": "2010-07-01T09:00:00Z", "amount": 6},
    ]
    source.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    report = await emit(source, mapping, broker, MAX)
    assert [str(bad) for bad in report.bad] == [
        "line 2, column no = [7]: an array or an object; only text, numbers and booleans can be mapped"
    ]
    [event] = await events(broker, "orders")
    assert (event.id, event.key, event.data) == ("7-1", "7", {"amount": 6})


async def test_a_column_of_json_lines_that_is_nearly_there_is_named(broker, tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text('{"att": "2026-03-01T00:00:00Z", "no": "1"}\n{"no": "2"}\n')
    plan = Plan("orders", EventMapping.model_validate({"type": "placed", "time": "at", "fields": {"no": "no"}}))
    report = await emit(file, plan, broker, MAX)
    assert [(row.column, row.reason) for row in report.bad] == [
        ("at", "no value, but one is required; did you mean att?"),
        ("at", "no value, but one is required"),
    ]


async def test_an_unknown_column_stops_before_anything_is_published(broker, mapping, tmp_path):
    source = tmp_path / "orders.csv"
    source.write_text("no,at,amount\n1,2010-07-01T09:00:00,6\n")
    with pytest.raises(FixMapping) as found:
        await emit(source, mapping, broker, MAX)
    assert str(found.value).splitlines() == [
        "type.cases.1.when.field: the file has no column 'note'; it has no, at, amount",
        "fields.note.from: the file has no column 'note'; it has no, at, amount",
    ]
    assert await broker.topics() == []


async def test_a_file_that_breaks_off_keeps_what_came_before(broker, mapping, tmp_path):
    source = tmp_path / "orders.csv.gz"
    whole = gzip.compress(written(tmp_path, *["1,2010-07-01T09:00:00,6,"] * 3000).read_bytes(), compresslevel=0)
    source.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FixFile, match="cannot be read on"):
        await emit(source, mapping, broker, MAX, batch=100)
    published = await events(broker, "orders")
    assert 1000 < len(published) < 1600
    assert [event.id for event in published] == [f"1-{row}" for row in range(1, len(published) + 1)]


@pytest.mark.needs("data")
@pytest.mark.skipif(not RETAIL.exists(), reason="../shared/data/online_retail_2010-12.csv.gz is absent")
async def test_the_retail_file(tmp_path):
    head = tmp_path / "online_retail.csv.gz"
    with gzip.open(RETAIL, "rb") as source:
        head.write_bytes(gzip.compress(b"".join(itertools.islice(source, 2001))))
    broker = await EmbeddedBroker.open(tmp_path / "retail.db", Frozen())
    mapping = MappingFile.model_validate(yaml.safe_load(RETAIL_MAPPING.read_text(encoding="utf-8")))
    report = await emit(head, Plan(mapping.topic, mapping), broker, MAX)
    assert (report.rows, report.published, report.bad_total) == (2000, 2000, 0)
    found = await events(broker, "retail.orders")
    await broker.close()
    assert [event.id for event in found] == [f"row-{row}" for row in range(1, 2001)]
    assert found[0].data == {
        "order_id": "536365",
        "article": "85123A",
        "customer": "17850",
        "country": "United Kingdom",
        "quantity": 6,
        "unit_price": "2.55",
    }
    assert found[0].time == from_iso("2010-12-01T08:26:00Z")
    cancelled = [event for event in found if event.type == "order.cancelled"]
    assert cancelled
    for event in found:
        assert (event.type == "order.cancelled") == event.key.startswith("C") == (event.data["quantity"] < 0)
        assert Decimal(event.data["unit_price"]) >= 0
    assert any("customer" not in event.data for event in found)
