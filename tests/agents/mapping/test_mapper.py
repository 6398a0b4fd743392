"""Documents become events, or faults that name what is wrong."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.mapping import Fault, Mapper, Origin
from contracts import Event, EventMapping, decode_event, encode_event, from_iso

GIVEN: dict[str, Any] = {
    "type": {"cases": [{"when": {"field": "order.no", "prefix": "C"}, "type": "order.cancelled"}], "default": "order"},
    "time": {"column": "at", "zone": "Europe/London"},
    "key": "order.no",
    "fields": {
        "no": "order.no",
        "article": {"from": "lines.0.article"},
        "price": {"from": "lines.0.price", "type": "decimal", "optional": True},
        "gift": {"from": "gift", "type": "boolean", "optional": True},
    },
}
ORIGIN = Origin("shop", "shop#3:7:1", publish_time=5)
DOCUMENT = b'{"order": {"no": 17}, "at": "2010-07-01 09:00", "lines": [{"article": "A", "price": 12.10}], "gift": true}'


def mapped(document: Any, origin: Origin = ORIGIN, **changes: Any) -> Event | Fault:
    return Mapper(EventMapping.model_validate(GIVEN | changes), tenant="t").map(document, origin)


def read(text: bytes) -> Any:
    return msgspec.json.Decoder(float_hook=Decimal).decode(text)


def test_a_document_becomes_an_event() -> None:
    assert mapped(read(DOCUMENT)) == Event(
        id="shop#3:7:1",
        source="shop",
        type="order",
        time=from_iso("2010-07-01T08:00:00Z"),
        data={"no": "17", "article": "A", "price": "12.10", "gift": True},
        key="17",
        tenant="t",
    )


def test_source_and_id_may_be_given() -> None:
    event = mapped(read(DOCUMENT), source="/shop", id="{order.no}/{lines.0.article}")
    assert isinstance(event, Event)
    assert (event.source, event.id) == ("/shop", "17/A")


def test_the_publish_time_may_be_taken() -> None:
    event = mapped(read(DOCUMENT), time={"publish": True})
    assert isinstance(event, Event)
    assert event.time == 5
    assert mapped(read(DOCUMENT), Origin("f", "f:1", row=1), time={"publish": True}) == Fault(
        "time", None, "there is no publish time here"
    )


def test_rows_have_numbers_and_messages_have_none() -> None:
    event = mapped(read(DOCUMENT), Origin("f", "f:4", row=4), id="{order.no}-{row}")
    assert isinstance(event, Event)
    assert event.id == "17-4"
    fault = mapped(read(DOCUMENT), id="{order.no}-{row}")
    assert isinstance(fault, Fault)
    assert str(fault) == "row: only files have rows; name fields that tell messages apart"


def test_a_name_with_dots_that_is_there_is_taken_first() -> None:
    event = mapped(read(DOCUMENT) | {"order.no": "C1"})
    assert isinstance(event, Event)
    assert (event.type, event.key) == ("order.cancelled", "C1")


def without(*path: str | int) -> Any:
    document = inner = read(DOCUMENT)
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    return document


@pytest.mark.parametrize(
    ("document", "field", "value", "says"),
    [
        ([1], None, "[1]", "no JSON object"),
        (without("at"), "at", None, "no value, but one is required"),
        (without("order", "no"), "order.no", None, "no value"),
        (without("lines", 0), "lines.0.article", None, "no value"),
        (read(DOCUMENT) | {"order": 17}, "order.no", None, "no value"),
        (read(DOCUMENT) | {"at": "yesterday"}, "at", "'yesterday'", "no time of the form ISO 8601"),
        (read(DOCUMENT) | {"at": {"day": 1}}, "at", "{'day': 1}", "an array or an object"),
        (read(DOCUMENT) | {"gift": "perhaps"}, "gift", "'perhaps'", "no boolean"),
        (read(DOCUMENT) | {"gift": "x" * 200}, "gift", "'" + "x" * 79, "no boolean"),
        (read(DOCUMENT) | {"order": {"no": b"1"}}, "order.no", "b'1'", "bytes"),
        (read(DOCUMENT) | {"order": {"no": "a\nb"}}, None, None, "key: control character '\\n'"),
        (read(DOCUMENT) | {"order": {"no": "x" * 1025}}, None, None, "key: 1025 characters; at most 1024"),
        (read(DOCUMENT) | {"lines": [{"article": "A", "price": Decimal("1E+2")}]}, "lines.0.price", "1E+2", "no dec"),
    ],
)
def test_a_fault_names_field_value_and_rule(document: Any, field: str | None, value: str | None, says: str) -> None:
    fault = mapped(document)
    assert isinstance(fault, Fault)
    assert (fault.code, fault.field, fault.value) == ("mapping", field, value)
    assert says in fault.rule


VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["no", "article"]), inner, max_size=2),
    max_leaves=5,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("order", "at", "lines", "gift"), VALUE)))
def test_whatever_comes_is_a_valid_event_or_a_fault(document: dict[str, Any]) -> None:
    """What is mapped can be published: it is what `decode_event` reads."""
    found = mapped(read(msgspec.json.encode(document)), time={"column": "at", "format": "epoch_s"})
    assert isinstance(found, Fault) or decode_event(encode_event(found), tenant="t") == found
