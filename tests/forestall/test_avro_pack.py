"""From an Avro topic whose schema changed under way to a pack that runs, as a user does it; on a real Pulsar."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid1

import httpx
import pytest

from forestall.cli.app import run
from forestall.newpack.kinds import recognised
from forestall.newpack.sample import Sample

pytestmark = pytest.mark.needs("pulsar")
pulsar = pytest.importorskip("pulsar")
Capture = pytest.CaptureFixture[str]
BEGIN = datetime(2024, 3, 4, tzinfo=UTC)
MESSAGES, CHANGED_AT, TROUBLE = 1200, 500, range(900, 940)
FIELDS: list[dict[str, Any]] = [
    {"name": "order_no", "type": "string"},
    {"name": "created_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "status", "type": {"type": "enum", "name": "Status", "symbols": ["PAID", "FAILED"]}},
    {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
    {
        "name": "customer",
        "type": {"type": "record", "name": "Customer", "fields": [{"name": "country", "type": "string"}]},
    },
    {"name": "signature", "type": ["null", "bytes"], "default": None},
]
CHANNEL = {"name": "channel", "type": ["null", "string"], "default": None}


def _order(number: int) -> dict[str, Any]:
    failed = number in TROUBLE or number % 20 == 0
    return {
        "order_no": f"A-{number:05}",
        "created_at": BEGIN + timedelta(minutes=6 * number),
        "status": "FAILED" if failed else "PAID",
        "amount": Decimal(1000 + number * 7919 % 9000) / 100,
        "customer": {"country": ("DE", "FR", "GB")[number % 3]},
        "signature": b"\x00\xff" if number % 5 else None,
    }


@pytest.fixture
def topic(pulsar_url: str, pulsar_web_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Two partitions in a namespace of its own. From one message on a second version of the schema is written; the last
    message is the first version's again."""
    namespace = f"public/test-{uuid1().hex}"
    with httpx.Client(base_url=f"{pulsar_web_url}/admin/v2/", timeout=30, trust_env=False) as admin:
        admin.put(f"namespaces/{namespace}").raise_for_status()
        admin.put(f"persistent/{namespace}/payments/partitions", json=2).raise_for_status()
        monkeypatch.setenv("FORESTALL_PULSAR_URL", pulsar_url)
        monkeypatch.setenv("FORESTALL_PULSAR_WEB_URL", pulsar_web_url)
        monkeypatch.setenv("FORESTALL_PULSAR_NAMESPACE", namespace)
        client = pulsar.Client(pulsar_url, logger=pulsar.ConsoleLogger(pulsar.LoggerLevel.Error))
        client.subscribe(f"persistent://{namespace}/payments", "keep", initial_position=pulsar.InitialPosition.Earliest)
        old, new = (
            client.create_producer(f"persistent://{namespace}/payments", schema=_schema(more))
            for more in ([], [CHANNEL])
        )
        for number in range(CHANGED_AT):
            old.send_async(_order(number), lambda *_: None)
        old.flush()
        for number in range(CHANGED_AT, MESSAGES):
            more = {"channel": "web" if number % 2 else "shop"}
            new.send_async(_order(number) | more, lambda *_: None)
        new.flush()
        old.send(_order(MESSAGES))
        client.close()
        yield "payments"
        admin.delete(f"namespaces/{namespace}", params={"force": "true"})


def _schema(more: list[dict[str, Any]]) -> Any:
    definition = {"type": "record", "name": "Payment", "fields": [*FIELDS, *more]}
    return pulsar.schema.AvroSchema(None, schema_definition=definition)


def _told(capsys: Capture, *command: str) -> Any:
    capsys.readouterr()
    assert run([*command, "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def test_new_check_backtest_and_run_on_an_avro_topic(topic: str, tmp_path: Path, capsys: Capture) -> None:
    """All four count the same messages, of both versions, and tell the same trouble."""
    pack, home = tmp_path / "payments", ("--home", str(tmp_path / "home"))
    assert run(["new", str(pack), "--from", f"topic:{topic}", *home]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert f"{MESSAGES + 1:,} messages of topic payments" in told
    assert "signature (holds bytes)" in told
    assert "it would have opened 1 incident," in told
    text = (pack / "pack.yaml").read_text()
    for line in (
        "format: avro",
        "time: created_at",
        "amount: {from: amount, type: number}",
        "channel: {from: channel, optional: true}",
        "where: [{field: status, equals: FAILED}]",
    ):
        assert line in text
    assert run(["pack", "check", str(pack)]) == 0
    past = _told(capsys, "backtest", str(pack), "--from", "topic", *home)
    live = _told(capsys, "run", "--pack", str(pack), "--until-idle", *home)
    assert (past["counts"]["events"], past["rows"]["left_out"], past["counts"]["late"]) == (MESSAGES + 1, 0, 0)
    assert (live["events"], live["late"], live["dead_letters"]) == (MESSAGES + 1, 0, {})
    (incident,) = past["incidents"]
    assert (incident["signal"]["measure"], incident["signal"]["pattern"]) == ("failed", "spike")
    assert live["incidents"] == 1
    assert _told(capsys, "run", "--pack", str(pack), "--until-idle", *home)["events"] == 0


def test_a_record_that_looks_like_an_event_is_mapped_all_the_same() -> None:
    """Events are read as JSON: a pack without a mapping would make a dead letter of every record."""
    inner = {"specversion": "1.0", "id": "1", "source": "/x", "type": "paid", "time": "2026-03-01T00:00:00Z"}
    documents: list[Mapping[str, object]] = [inner | {"data": {"amount": 3}}]
    assert recognised(Sample("topic:x", "x", documents))[0] == "cloudevents"
    assert recognised(Sample("topic:x", "x", documents, format="avro"))[0] == "plain"
