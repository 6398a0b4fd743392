"""The event envelope: CloudEvents 1.0, structured JSON, read and written without Pydantic (it is the hot path)."""

from typing import Any

import msgspec

from contracts.base import from_iso, to_iso

DEFAULT_TENANT = "default"


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
    """CloudEvents structured JSON (`application/cloudevents+json`)."""
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
        MalformedEvent: not JSON, not CloudEvents 1.0, or a required attribute is missing or of the wrong type.
    """
    try:
        wire = _decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise MalformedEvent(f"not a CloudEvents event: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedEvent(f"not JSON: {error}") from error
    if wire.specversion != "1.0":
        raise MalformedEvent(f"specversion: {wire.specversion!r} is not supported; write 1.0")
    for name in ("id", "source", "type"):
        if not getattr(wire, name):
            raise MalformedEvent(f"{name}: empty; CloudEvents requires a non-empty string")
    try:
        time = from_iso(wire.time)
    except (ValueError, OverflowError) as error:
        raise MalformedEvent(f"time: {error}") from error
    return Event(
        id=wire.id,
        source=wire.source,
        type=wire.type,
        time=time,
        data=wire.data,
        key=wire.partitionkey,
        tenant=tenant if tenant is not None else wire.tenant or DEFAULT_TENANT,
        data_version=_data_version(wire.datacontenttype),
        causation_id=wire.causationid,
        correlation_id=wire.correlationid,
        traceparent=wire.traceparent,
    )


def _data_version(content_type: str) -> str:
    media, _, parameters = content_type.partition(";")
    if media.strip() not in ("application/json", ""):
        raise MalformedEvent(f"datacontenttype: {content_type!r} is not supported; write application/json")
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name == "version" and value:
            return value
    return "1.0"
