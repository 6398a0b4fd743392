"""Screening: decoding, mapping, filtering, enrichment, and what becomes of the rest."""

import json
from typing import Any

import pytest

from contracts import DAY, SECOND, EventMapping, StreamSpec, encode_event
from graphs.screening import Accepted, Incoming, Screen, ahead_of_clock
from ledger import DeadLetter

NOW = 1_800_000_000 * SECOND
MAPPED: dict[str, Any] = {
    "topic": "shop",
    "mapping": {
        "type": {
            "cases": [{"when": {"field": "status", "equals": "void"}, "type": "voided"}],
            "default": "order",
        },
        "time": {"column": "at", "format": "epoch_s"},
        "key": "no",
        "fields": {"no": "no", "price": {"from": "total.price", "type": "decimal"}, "status": "status"},
    },
    "keep": [{"field": "status", "one_of": ["paid", "void"]}],
    "enrich": [{"set": "channel", "to": "web"}],
}
GOOD: dict[str, Any] = {"no": 7, "at": 1_800_000_000, "total": {"price": 12.5}, "status": "paid"}


def read(payload: bytes | dict[str, Any], stream: dict[str, Any] = MAPPED) -> Any:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    message = Incoming("shop", "9:4", raw, partition=2, publish_time=NOW)
    return Screen(StreamSpec.model_validate(stream), "t").read(message, NOW)


def test_a_message_becomes_an_event_by_the_mapping() -> None:
    found = read(GOOD)
    assert isinstance(found, Accepted)
    event = found.event
    assert (event.id, event.source, event.type, event.time) == ("shop#2:9:4", "shop", "order", NOW)
    assert (event.key, event.tenant) == ("7", "t")
    assert event.data == {"no": "7", "price": "12.5", "status": "paid", "channel": "web"}


def test_what_keep_leaves_out_is_no_dead_letter() -> None:
    assert read(GOOD | {"status": "open"}) == "filtered"


@pytest.mark.parametrize(
    ("payload", "code", "reason"),
    [
        (GOOD | {"at": "soon"}, "mapping", "at = 'soon': no time of the form epoch_s; write a number"),
        (GOOD | {"total": {}}, "mapping", "total.price: no value, but one is required"),
        (b"[1]", "mapping", "no JSON object; only objects can be mapped"),
        (b"{", "malformed", "not JSON"),
        (b'{"at": 1e99999999999999999999}', "malformed", "not JSON"),
        (b"[" * 5000 + b"]" * 5000, "malformed", "not JSON: nested too deeply"),
        (b'{"no": "\xff"}', "malformed", "not JSON"),
        (GOOD | {"at": 1_800_000_301}, "future", "301 s ahead of our clock; mend the sender's clock"),
        (b'"' + b"x" * 1_000_001, "too_large", "1000002 bytes"),
    ],
)
def test_what_cannot_be_mapped_is_a_dead_letter(payload: Any, code: str, reason: str) -> None:
    found = read(payload)
    assert isinstance(found, DeadLetter)
    assert found.code == code
    assert reason in found.reason


def test_declared_types_hold_for_what_is_mapped() -> None:
    strict = {"type": "order", "data": {"properties": {"no": {"pattern": "^A"}}}}
    found = read(GOOD, MAPPED | {"types": [strict]})
    assert isinstance(found, DeadLetter)
    assert (found.code, "must match pattern" in found.reason) == ("schema", True)
    found = read(GOOD | {"status": "void"}, MAPPED | {"types": [strict]})
    assert isinstance(found, DeadLetter)
    assert found.code == "unknown_type"
    assert read(GOOD | {"status": "void"}, MAPPED | {"types": [strict], "others": "ignore"}) == "ignored"


def test_cloudevents_are_filtered_and_enriched_too() -> None:
    first = read(GOOD)
    plain = {name: value for name, value in MAPPED.items() if name != "mapping"} | {"types": [{"type": "order"}]}
    found = read(encode_event(first.event), plain)
    assert isinstance(found, Accepted)
    assert found.event == first.event
    assert read(encode_event(first.event), plain | {"keep": [{"field": "no", "equals": "8"}]}) == "filtered"


@pytest.mark.parametrize(
    ("time", "zone_told"),
    [
        ({"column": "at", "format": "%Y-%m-%d %H:%M:%S", "zone": "UTC"}, True),
        ({"column": "at"}, True),
        ({"column": "at", "format": "epoch_s"}, False),
        ({"publish": True}, False),
    ],
)
def test_a_time_ahead_of_our_clock_may_be_in_another_zone(time: dict[str, Any], zone_told: bool) -> None:
    mapping = EventMapping.model_validate({"type": "order", "time": time, "fields": {"no": "no"}})
    reason = ahead_of_clock(NOW + 3_526 * SECOND, NOW, mapping)
    assert reason is not None
    assert reason.startswith("time: 3526 s ahead of our clock; mend the sender's clock")
    assert ("the zone in the mapping" in reason) == zone_told
    assert ahead_of_clock(NOW + 300 * SECOND, NOW, mapping) is None
    assert "time: 31536000 s (365 days) ahead of our clock" in (ahead_of_clock(NOW + 365 * DAY, NOW) or "")
