"""The event codec against the official CloudEvents SDK, against itself, and against malformed input."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import Event, MalformedEvent, decode_event, encode_event, from_iso, to_iso
from contracts.event import ATTRIBUTE_MAX_CHARACTERS, DATA_MAX_DEPTH

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST, LAST = from_iso("0001-01-01T00:00:00Z"), from_iso("9999-12-31T23:59:59.999999Z")

ATTRIBUTES = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
EVENTS = st.builds(
    Event,
    id=ATTRIBUTES,
    source=ATTRIBUTES,
    type=ATTRIBUTES,
    time=st.integers(FIRST, LAST),
    data=st.dictionaries(st.text(max_size=5), JSON, max_size=3),
    key=st.none() | ATTRIBUTES,
    data_version=st.from_regex(r"[0-9]\.[0-9]", fullmatch=True),
    causation_id=st.none() | ATTRIBUTES,
    correlation_id=st.none() | ATTRIBUTES,
    traceparent=st.none() | ATTRIBUTES,
)
WIRE = {
    "specversion": "1.0",
    "id": "row-1",
    "source": "/shop",
    "type": "order.placed",
    "time": "2010-12-01T08:26:00Z",
    "data": {"amount": 6},
}


def extensions(event: Event) -> dict[str, str]:
    named = {
        "partitionkey": event.key,
        "tenant": event.tenant,
        "causationid": event.causation_id,
        "correlationid": event.correlation_id,
        "traceparent": event.traceparent,
    }
    return {name: value for name, value in named.items() if value is not None}


@settings(deadline=None)
@given(EVENTS)
def test_what_we_write_we_read_equal(event):
    assert decode_event(encode_event(event)) == event


@settings(deadline=None)
@given(EVENTS)
def test_what_we_write_the_sdk_reads_equal(event):
    read = JSONFormat().read(None, encode_event(event))
    assert isinstance(read, CloudEvent)
    assert (read.get_id(), read.get_source(), read.get_type()) == (event.id, event.source, event.type)
    assert read.get_specversion() == "1.0"
    assert read.get_time() == EPOCH + timedelta(microseconds=event.time)
    assert read.get_datacontenttype() == f"application/json; version={event.data_version}"
    assert read.get_data() == event.data
    assert {name: read.get_extension(name) for name in extensions(event)} == extensions(event)


@settings(deadline=None)
@given(EVENTS, st.integers(-14 * 60, 14 * 60))
def test_what_the_sdk_writes_we_read_equal(event, offset):
    moment = EPOCH + timedelta(microseconds=event.time)
    if EPOCH.replace(year=2) < moment < EPOCH.replace(year=9999):
        moment = moment.astimezone(timezone(timedelta(minutes=offset)))
    attributes = {
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "specversion": "1.0",
        "time": moment,
        "datacontenttype": f"application/json; version={event.data_version}",
        **extensions(event),
    }
    assert decode_event(JSONFormat().write(CloudEvent(attributes, event.data))) == event


def test_an_event_of_the_sdks_defaults_is_read():
    attributes = {"id": "1", "source": "/s", "type": "t", "time": EPOCH, "subject": "orders/1", "ours": "not"}
    event = decode_event(JSONFormat().write(CloudEvent(attributes, {"a": 1})))
    assert event == Event(id="1", source="/s", type="t", time=0, data={"a": 1})


def test_the_tenant_comes_from_the_subscription():
    payload = json.dumps(WIRE | {"tenant": "somebody-elses"}).encode()
    assert decode_event(payload).tenant == "default"
    assert decode_event(payload, tenant="ours").tenant == "ours"
    assert decode_event(payload, tenant=None).tenant == "somebody-elses"


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2010-12-01T08:26:00+01:00", "2010-12-01T07:26:00Z"),
        ("2010-12-01t08:26:00z", "2010-12-01T08:26:00Z"),
        ("2010-12-01T08:26:00.5Z", "2010-12-01T08:26:00.500000Z"),
        ("2010-12-01T08:26:00.123456789Z", "2010-12-01T08:26:00.123456Z"),
    ],
)
def test_every_form_of_rfc_3339_is_read(text, instant):
    assert to_iso(decode_event(json.dumps(WIRE | {"time": text}).encode()).time) == instant


@pytest.mark.parametrize(
    ("content_type", "version"),
    [
        ("application/json", "1.0"),
        ("application/json; version=2.1", "2.1"),
        ('Application/JSON; charset=utf-8; Version="2.1"', "2.1"),
        ("application/json;version=", "1.0"),
    ],
)
def test_the_content_type_carries_the_version(content_type, version):
    assert decode_event(json.dumps(WIRE | {"datacontenttype": content_type}).encode()).data_version == version


def nested(levels: int) -> str:
    return '{"a":' + "[" * (levels - 1) + "]" * (levels - 1) + "}"


def changed(**attributes: object) -> bytes:
    return json.dumps(WIRE | attributes).encode()


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in WIRE.items() if key != name}).encode()


def with_data(text: str) -> bytes:
    return json.dumps(WIRE).replace('{"amount": 6}', text).encode()


MALFORMED = [
    (b"", "not JSON"),
    (b"\xff\xfe", "not JSON"),
    (b"{", "not JSON"),
    (changed() + b"x", "not JSON"),
    (b"\xef\xbb\xbf" + changed(), "not JSON"),
    (with_data('{"a": "\xff"}').decode().encode("latin-1"), "not JSON"),
    (with_data('{"a": "\\ud800"}'), "not JSON"),
    (with_data('{"a": NaN}'), "not JSON"),
    (with_data('{"a": Infinity}'), "not JSON"),
    (with_data('{"a": 1e999}'), "out of range - at `$.data"),
    (with_data('{"a": ' + "1" * 5000 + "}"), "out of range - at `$.data"),
    (with_data(nested(DATA_MAX_DEPTH + 1)), "data: nested deeper than 64"),
    (with_data(nested(100_000)), "data: nested deeper than 64"),
    (b"[]", "Expected `object`, got `array`"),
    (b"null", "Expected `object`, got `null`"),
    *[(without(name), f"missing required field `{name}`") for name in WIRE],
    (changed(specversion="0.3"), "specversion: '0.3'"),
    (changed(specversion=1.0), "$.specversion"),
    *[(changed(**{name: ""}), f"{name}: empty") for name in ("id", "source", "type")],
    (changed(id=5), "$.id"),
    (changed(id=None), "$.id"),
    (changed(id="a\x00"), "id: control character '\\x00'"),
    (changed(partitionkey="a\nb"), "partitionkey: control character '\\n'"),
    (changed(source="x" * (ATTRIBUTE_MAX_CHARACTERS + 1)), "source: 1025 characters; at most 1024"),
    (changed(partitionkey=7), "$.partitionkey"),
    (changed(datacontenttype="text/xml"), "datacontenttype: 'text/xml'"),
    (changed(data=[1]), "Expected `object`, got `array` - at `$.data`"),
    (changed(data="text"), "$.data"),
    (changed(data=None), "$.data"),
    (changed(time=1291191960), "$.time"),
    (changed(time=""), "time: ''"),
    (changed(time="yesterday"), "time: 'yesterday'"),
    (changed(time="2010-12-01"), "names no time zone"),
    (changed(time="2010-12-01T08:26:00"), "names no time zone"),
    (changed(time="99999-01-01T00:00:00Z"), "time: '99999-01-01T00:00:00Z'"),
    (changed(time="0001-01-01T00:00:00+23:59"), "time: '0001-01-01T00:00:00+23:59'"),
    (changed(time="2010-02-30T00:00:00Z"), "time: '2010-02-30T00:00:00Z'"),
    (changed(time="2016-12-31T23:59:60Z"), "time: '2016-12-31T23:59:60Z'"),
]


@pytest.mark.parametrize(("payload", "reason"), MALFORMED, ids=[reason for _, reason in MALFORMED])
def test_malformed_input_is_refused_with_the_fields_name(payload, reason):
    with pytest.raises(MalformedEvent) as found:
        decode_event(payload)
    assert reason in found.value.reason
    assert len(found.value.reason) < 300


def test_the_bounds_themselves_are_allowed():
    event = decode_event(with_data(nested(DATA_MAX_DEPTH)))
    assert decode_event(encode_event(event)) == event
    assert len(decode_event(changed(id="x" * ATTRIBUTE_MAX_CHARACTERS)).id) == ATTRIBUTE_MAX_CHARACTERS
    wide = {str(index): [] for index in range(1000)}
    assert decode_event(changed(data=wide)).data == wide


@settings(deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_bytes_do_worse_than_malformed(payload):
    with pytest.raises(MalformedEvent):
        decode_event(payload)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*WIRE, "datacontenttype", "partitionkey", "tenant"]), JSON))
def test_no_attributes_do_worse_than_malformed(attributes):
    try:
        event = decode_event(changed(**attributes))
    except MalformedEvent:
        return
    assert decode_event(encode_event(event)) == event
