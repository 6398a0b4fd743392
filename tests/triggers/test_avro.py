"""Avro messages as documents."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any
from uuid import UUID

import fastavro
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.mapping import Fault
from contracts import StreamSpec, from_iso
from graphs.screening import Accepted, Incoming, Screen
from ledger import DeadLetter
from triggers.avro import Documents
from triggers.brokers import AskOperator, RetryLater

NOW = from_iso("2026-03-02T00:00:00Z")
CUSTOMER = {"type": "record", "name": "C", "fields": [{"name": "id", "type": "string"}]}
LOGICAL = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
ORDER: dict[str, Any] = {
    "type": "record",
    "name": "Order",
    "fields": [
        {"name": "no", "type": "long"},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "price", "type": LOGICAL},
        {"name": "customer", "type": ["null", CUSTOMER]},
        {"name": "kind", "type": {"type": "enum", "name": "K", "symbols": ["WEB", "SHOP"]}},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "trace", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "blob", "type": ["null", "bytes"], "default": None},
        {"name": "lines", "type": {"type": "array", "items": {"type": "map", "values": LOGICAL}}},
    ],
}  # fmt: skip
VALUE: dict[str, Any] = {
    "no": 7,
    "at": datetime(2026, 3, 1, 9, 0, 0, 5, UTC),
    "price": Decimal("12.50"),
    "customer": {"id": "c1"},
    "kind": "WEB",
    "day": date(2026, 3, 1),
    "trace": UUID(int=5),
    "blob": None,
    "lines": [{"A": Decimal("1.00")}],
}
SECOND_ORDER = ORDER | {"fields": [{"name": "shop", "type": "string"}, *ORDER["fields"]]}
STREAM: dict[str, Any] = {
    "topic": "orders",
    "format": "avro",
    "mapping": {
        "type": "order",
        "time": "at",
        "fields": {
            "no": {"from": "no", "type": "integer"},
            "price": {"from": "price", "type": "decimal"},
            "customer": {"from": "customer.id", "optional": True},
            "first": {"from": "lines.0.A", "type": "decimal"},
        },
    },
}


class Message(msgspec.Struct, frozen=True):
    payload: bytes
    schema_version: bytes | None = (0).to_bytes(8)
    topic: str = "orders"
    partition: int = 0
    message_id: str = "1:1"
    position: int = 3
    key: str | None = None
    publish_time: int = NOW
    properties: dict[str, str] = {}
    redeliveries: int = 0


class Registry:
    """Schemas by version; None for one that is there no more."""

    def __init__(self, *schemas: Any) -> None:
        self.schemas = list(schemas)
        self.asked: list[int] = []
        self.fault: Exception | None = None

    async def schema(self, topic: str, version: bytes | None) -> str | None:
        assert topic == "orders"
        if self.fault is not None:
            raise self.fault
        number = int.from_bytes(version or b"", "big")
        self.asked.append(number)
        return json.dumps(self.schemas[number]) if number < len(self.schemas) else None


def written(value: dict[str, Any], schema: Any = ORDER) -> bytes:
    stream = BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(schema, named_schemas={}), value)
    return stream.getvalue()


def documents(registry: Registry, **changes: Any) -> Documents:
    return Documents(StreamSpec.model_validate(STREAM | changes), registry)


async def read(message: Message, registry: Registry, **changes: Any) -> Any:
    (incoming,) = await documents(registry, **changes).incoming([message])
    return incoming.document


async def test_logical_types_become_what_json_would_hold() -> None:
    assert await read(Message(written(VALUE)), Registry(ORDER)) == {
        "no": 7,
        "at": "2026-03-01T09:00:00.000005+00:00",
        "price": "12.50",
        "customer": {"id": "c1"},
        "kind": "WEB",
        "day": "2026-03-01",
        "trace": "00000000-0000-0000-0000-000000000005",
        "blob": None,
        "lines": [{"A": "1.00"}],
    }


async def test_a_message_becomes_an_event() -> None:
    (incoming,) = await documents(Registry(ORDER)).incoming([Message(written(VALUE))])
    found = Screen(StreamSpec.model_validate(STREAM), "t").read(incoming, NOW)
    assert isinstance(found, Accepted)
    assert found.event.data == {"no": 7, "price": "12.50", "customer": "c1", "first": "1.00"}
    assert found.event.time == from_iso("2026-03-01T09:00:00.000005Z")
    assert incoming == Incoming("orders", "1:1", written(VALUE), 0, NOW, incoming.document, 3)


async def test_a_new_version_is_picked_up_and_each_is_asked_for_once() -> None:
    registry = Registry(ORDER)
    reader = documents(registry)
    first = Message(written(VALUE))
    second = Message(written(VALUE | {"shop": "north"}, SECOND_ORDER), (1).to_bytes(8))
    (unknown,) = await reader.incoming([second])
    assert isinstance(unknown.document, Fault)
    registry.schemas.append(SECOND_ORDER)
    found = [each.document for each in await reader.incoming([first, second, first, second])]
    assert [isinstance(each, dict) and each.get("shop") for each in found] == [None, "north", None, "north"]
    assert registry.asked == [1, 0, 1]


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (Message(written(VALUE), (4).to_bytes(8)), "written with version 4, of which the broker has no schema"),
        (Message(written(VALUE), None), "names no schema"),
        (Message(written(VALUE)[:-3]), "cannot be decoded with its schema (EOFError"),
        (Message(written(VALUE) + b"more"), "4 bytes are left; it was written with another one"),
        (Message(written(VALUE | {"shop": "north"}, SECOND_ORDER)), "cannot be decoded"),
        (Message(b""), "cannot be decoded"),
        (Message(b"\x02", (1).to_bytes(8)), "its schema is no record"),
        (Message(b"\x02", (2).to_bytes(8)), "the schema is no Avro schema: UnknownType"),
    ],
)
async def test_what_cannot_be_decoded_is_a_dead_letter_with_its_payload(message: Message, says: str) -> None:
    (incoming,) = await documents(Registry(ORDER, "long", {"type": "nothing"})).incoming([message])
    found = Screen(StreamSpec.model_validate(STREAM), "t").read(incoming, NOW)
    assert isinstance(found, DeadLetter)
    assert (found.code, found.payload) == ("schema", message.payload)
    assert says in found.reason


async def test_a_schema_of_the_pack_is_for_every_message() -> None:
    registry = Registry()
    assert (await read(Message(written(VALUE), None), registry, schema=ORDER))["no"] == 7
    assert registry.asked == []


async def test_bytes_cannot_be_mapped() -> None:
    stream = StreamSpec.model_validate(STREAM | {"mapping": STREAM["mapping"] | {"key": "blob"}})
    (incoming,) = await Documents(stream, Registry(ORDER)).incoming([Message(written(VALUE | {"blob": b"x"}))])
    found = Screen(stream, "t").read(incoming, NOW)
    assert isinstance(found, DeadLetter)
    assert found.reason == "blob = b'x': bytes; only text, numbers and booleans can be mapped"


async def test_a_broker_that_cannot_tell_stops_the_batch() -> None:
    registry = Registry(ORDER)
    registry.fault = RetryLater("away")
    with pytest.raises(RetryLater):
        await read(Message(written(VALUE)), registry)
    registry.fault = AskOperator("no rights")
    with pytest.raises(AskOperator, match="or give the stream `schema:`"):
        await read(Message(written(VALUE)), registry)


@given(st.binary(max_size=200))
@pytest.mark.asyncio
async def test_whatever_the_bytes_are_they_are_decoded_or_refused(payload: bytes) -> None:
    document = await read(Message(payload), Registry(ORDER))
    assert isinstance(document, Fault | dict)
