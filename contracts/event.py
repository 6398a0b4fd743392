"""The event envelope: CloudEvents 1.0, structured JSON, read and written without Pydantic (it is the hot path)."""

import re
from functools import lru_cache
from typing import Any

import msgspec

from contracts.base import from_iso, to_iso

DEFAULT_TENANT = "default"
ATTRIBUTE_MAX_CHARACTERS = 1024
DATA_MAX_DEPTH = 64
_ATTRIBUTES = ("id", "source", "type", "partitionkey", "causationid", "correlationid", "traceparent")
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class MalformedEvent(ValueError):
    """The bytes are not an event that we can read; quarantine them with `reason`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One immutable fact.

    `time` is when it happened (microseconds, UTC), `key` orders it among its like (`partitionkey`),
    `causation_id` is the event that caused it and `correlation_id` the incident that it belongs to.
    `tenant` of a received event is set from the subscription, never from the payload.
    """

    id: str
    source: str
    type: str
    time: int
    data: dict[str, Any]
    key: str | None = None
    tenant: str = DEFAULT_TENANT
    data_version: str = "1.0"
    causation_id: str | None = None
    correlation_id: str | None = None
    traceparent: str | None = None


class _Wire(msgspec.Struct, kw_only=True, omit_defaults=True):
    specversion: str
    id: str
    source: str
    type: str
    time: str
    datacontenttype: str = "application/json"
    data: dict[str, Any]
    partitionkey: str | None = None
    tenant: str | None = None
    causationid: str | None = None
    correlationid: str | None = None
    traceparent: str | None = None


_decoder = msgspec.json.Decoder(_Wire)
_encoder = msgspec.json.Encoder()


def encode_event(event: Event) -> bytes:
    """CloudEvents structured JSON (`application/cloudevents+json`).

    JSON has no NaN and no infinity: they become null.

    Raises:
        ValueError: `time` is not within the years 1 to 9999.
        UnicodeEncodeError, TypeError: a text is not Unicode, or `data` holds something that JSON has no form for.
    """
    return _encoder.encode(
        _Wire(
            specversion="1.0",
            id=event.id,
            source=event.source,
            type=event.type,
            time=to_iso(event.time),
            datacontenttype=f"application/json; version={event.data_version}",
            data=event.data,
            partitionkey=event.key,
            tenant=event.tenant,
            causationid=event.causation_id,
            correlationid=event.correlation_id,
            traceparent=event.traceparent,
        )
    )


def decode_event(payload: bytes, *, tenant: str | None = DEFAULT_TENANT) -> Event:
    """Read one event. `tenant` comes from the subscription; None keeps the payload's own, for what we wrote ourselves.

    Raises:
        MalformedEvent: not JSON, not CloudEvents 1.0, an attribute is missing, empty, longer than
            `ATTRIBUTE_MAX_CHARACTERS` or of the wrong type, or `data` is nested deeper than `DATA_MAX_DEPTH`.
    """
    try:
        wire = _decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise MalformedEvent(f"not a CloudEvents event: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedEvent(f"not JSON: {error}") from error
    except RecursionError as error:
        raise MalformedEvent(f"data: nested deeper than {DATA_MAX_DEPTH} levels") from error
    _check(wire, payload)
    try:
        time = from_iso(wire.time.upper())  # RFC 3339 allows a lower-case t and z
    except (ValueError, OverflowError) as error:
        reason = f"time: {wire.time[:64]!r} is no instant ({error}); write RFC 3339, such as 2010-12-01T08:26:00Z"
        raise MalformedEvent(reason) from error
    return Event(
        id=wire.id,
        source=wire.source,
        type=wire.type,
        time=time,
        data=wire.data,
        key=wire.partitionkey,
        tenant=tenant if tenant is not None else wire.tenant or DEFAULT_TENANT,
        data_version=data_version(wire.datacontenttype),
        causation_id=wire.causationid,
        correlation_id=wire.correlationid,
        traceparent=wire.traceparent,
    )


def _check(wire: _Wire, payload: bytes) -> None:
    if wire.specversion != "1.0":
        raise MalformedEvent(f"specversion: {wire.specversion[:16]!r} is not supported; write 1.0")
    if not (wire.id and wire.source and wire.type):
        name = next(name for name in ("id", "source", "type") if not getattr(wire, name))
        raise MalformedEvent(f"{name}: empty; CloudEvents requires a non-empty string")
    together = f"{wire.id}{wire.source}{wire.type}{wire.partitionkey}{wire.causationid}"
    together += f"{wire.correlationid}{wire.traceparent}"
    if len(together) > ATTRIBUTE_MAX_CHARACTERS or not together.isprintable():
        _check_attributes(wire)
    if payload.count(b"{") + payload.count(b"[") > DATA_MAX_DEPTH and _deeper(wire.data):
        raise MalformedEvent(f"data: nested deeper than {DATA_MAX_DEPTH} levels")


def _check_attributes(wire: _Wire) -> None:
    for name in _ATTRIBUTES:
        if rule := attribute_fault(name, getattr(wire, name) or "-"):
            raise MalformedEvent(rule)


def attribute_fault(name: str, text: str) -> str | None:
    """What CloudEvents, or our own bound, says against an attribute; None for a good one."""
    if not text:
        return f"{name}: empty; CloudEvents requires a non-empty string"
    if len(text) > ATTRIBUTE_MAX_CHARACTERS:
        return f"{name}: {len(text)} characters; at most {ATTRIBUTE_MAX_CHARACTERS} are allowed"
    if not text.isprintable() and (found := CONTROL_CHARACTERS.search(text)):
        return f"{name}: control character {found[0]!r}; CloudEvents strings must not hold any"
    return None


def _deeper(data: dict[str, Any]) -> bool:
    level: list[Any] = [data]
    for _ in range(DATA_MAX_DEPTH):
        below = (child for node in level for child in (node.values() if isinstance(node, dict) else node))
        level = [child for child in below if isinstance(child, dict | list)]
        if not level:
            return False
    return True


@lru_cache(maxsize=64)
def data_version(content_type: str) -> str:
    """The version that `datacontenttype` names.

    Raises:
        MalformedEvent: it is not JSON.
    """
    media, _, parameters = content_type.partition(";")
    if media.strip().lower() not in ("application/json", ""):
        raise MalformedEvent(f"datacontenttype: {content_type[:64]!r} is not supported; write application/json")
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name.lower() == "version" and value.strip('"'):
            return value.strip('"')
    return "1.0"
