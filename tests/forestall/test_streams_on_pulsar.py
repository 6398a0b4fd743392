"""Topics as they are on a real Pulsar: Avro with versions, patterns, and what emit makes sure of."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid1

import httpx
import pytest

from contracts import SECOND
from forestall.cli.app import run
from triggers.clock import WallClock

pytestmark = pytest.mark.needs("pulsar")
pulsar = pytest.importorskip("pulsar")
Capture = pytest.CaptureFixture[str]
FIELDS: list[dict[str, Any]] = [
    {"name": "pump", "type": "string"},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "bar", "type": "double"},
]
PACK = """\
pack: pumps
title: Pumps
streams:
  - topic: pumps
    format: avro
    mapping:
      type: pump.read
      time: at
      key: pump
      fields: {pump: pump, bar: {from: bar, type: number}, site: {from: site, optional: true}}
  - topics: "orders-.*"
    mapping: {type: order, time: {publish: true}, id: "{no}", fields: {no: no}}
measures:
  - {name: pressure, title: Pressure, of: [pump.read], aggregate: mean, field: bar, key: pump}
  - {name: orders, title: Orders, of: [order]}
detectors:
  - {name: level, measure: pressure, kind: level}
"""


@pytest.fixture
def home(
    tmp_path: Path, pulsar_url: str, pulsar_web_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Path, str]]:
    """A home on a namespace of its own."""
    namespace = f"public/test-{uuid1().hex}"
    with httpx.Client(base_url=f"{pulsar_web_url}/admin/v2/", timeout=30, trust_env=False) as admin:
        admin.put(f"namespaces/{namespace}").raise_for_status()
        monkeypatch.setenv("FORESTALL_PULSAR_URL", pulsar_url)
        monkeypatch.setenv("FORESTALL_PULSAR_WEB_URL", pulsar_web_url)
        monkeypatch.setenv("FORESTALL_PULSAR_NAMESPACE", namespace)
        (tmp_path / "pack.yaml").write_text(PACK)
        yield tmp_path, namespace
        admin.delete(f"namespaces/{namespace}", params={"force": "true"})


@pytest.fixture
def client(pulsar_url: str) -> Iterator[Any]:
    opened = pulsar.Client(pulsar_url, logger=pulsar.ConsoleLogger(pulsar.LoggerLevel.Error))
    yield opened
    opened.close()


def schema(*more: dict[str, Any]) -> Any:
    definition = {"type": "record", "name": "Reading", "fields": [*FIELDS, *more]}
    return pulsar.schema.AvroSchema(None, schema_definition=definition)


def ran(folder: Path, capsys: Capture, *command: str) -> Any:
    capsys.readouterr()
    assert run([*command, "--home", str(folder / "home"), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_avro_is_read_by_the_version_of_each_message(home: tuple[Path, str], client: Any, capsys: Capture) -> None:
    folder, namespace = home
    topic, now = f"persistent://{namespace}/pumps", WallClock().now() // SECOND

    def reading(minute: int, **more: Any) -> dict[str, Any]:
        return {"pump": "p1", "at": datetime.fromtimestamp(now - 600 + minute, UTC), "bar": 4.0, **more}

    assert ran(folder, capsys, "run", "--pack", str(folder), "--until-idle")["events"] == 0
    old = client.create_producer(topic, schema=schema())
    for minute in range(10):
        old.send(reading(minute))
    new = client.create_producer(topic, schema=schema({"name": "site", "type": ["null", "string"], "default": None}))
    for minute in range(10, 15):
        new.send(reading(minute, site="north"))
    old.send(reading(15))
    client.create_producer(topic).send(b"no Avro at all")
    found = ran(folder, capsys, "run", "--pack", str(folder), "--until-idle")
    assert (found["events"], found["dead_letters"]) == (16, {"schema": 1})
    (letter,) = ran(folder, capsys, "dead-letters")
    assert "names no schema" in letter["reason"]


def test_emit_makes_sure_of_the_subscription(home: tuple[Path, str], capsys: Capture) -> None:
    folder, _ = home
    file = folder / "orders.csv"
    file.write_text("no\n" + "".join(f"{number}\n" for number in range(2500)))
    assert ran(folder, capsys, "emit", str(file), "--pack", str(folder), "--topic", "orders-north")["published"] == 2500
    assert ran(folder, capsys, "run", "--pack", str(folder), "--until-idle")["events"] == 2500
    assert run(["emit", str(file), "--raw", "--topic", "others", "--home", str(folder / "home")]) == 0
    assert "Pulsar drops what nobody is subscribed to" in " ".join(capsys.readouterr().err.split())


def test_a_topic_that_joins_a_stream_is_read_from_its_beginning(
    home: tuple[Path, str], client: Any, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where new subscriptions begin with what comes next: that is for what was there before."""
    folder, namespace = home
    monkeypatch.setenv("FORESTALL_PULSAR_INITIAL", "latest")

    def publish(topic: str, *numbers: int) -> None:
        client.subscribe(f"persistent://{namespace}/{topic}", "keep").close()
        producer = client.create_producer(f"persistent://{namespace}/{topic}")
        for number in numbers:
            producer.send(json.dumps({"no": str(number)}).encode())

    publish("orders-north", 1, 2)
    assert ran(folder, capsys, "run", "--pack", str(folder), "--until-idle")["events"] == 0
    publish("orders-north", 3)
    publish("orders-south", 4, 5)
    assert ran(folder, capsys, "run", "--pack", str(folder), "--until-idle")["events"] == 3
