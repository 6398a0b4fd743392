"""What every contract shares: frozen models, canonical bytes, stable ids, time in microseconds."""

import hashlib
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol

import rfc8785
from pydantic import BaseModel, ConfigDict

Json = dict[str, Any]

SECOND = 1_000_000
"""Microseconds in a second: every instant and duration inside Forestall is an `int` of microseconds (UTC)."""
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Contract(BaseModel):
    """A frozen Pydantic model that refuses unknown fields: what crosses a boundary."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")

    def to_json(self) -> Json:
        """JSON primitives only; `Decimal` becomes a string."""
        return self.model_dump(mode="json")


class Clock(Protocol):
    """The only source of time. Live code gets a wall clock, tests and demos a virtual one."""

    def now(self) -> int:
        """Microseconds since the epoch, UTC."""
        ...


def _plain(value: object) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53 - 1:
        return str(value)
    if isinstance(value, BaseModel):
        return _plain(value.model_dump(mode="json"))
    return value


class _NotExact(Exception):
    """The standard library's encoder might write this otherwise than RFC 8785."""


_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False).encode


def _exact(value: object) -> Any:
    """`_plain`, for what the standard library writes as RFC 8785 does: no floats, keys in ASCII, no subclasses."""
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return value
    if kind is int:
        return _plain(value)
    if isinstance(value, dict) and kind is dict:
        if not all(type(key) is str and key.isascii() for key in value):
            raise _NotExact
        return {key: _exact(item) for key, item in value.items()}
    if isinstance(value, list | tuple) and (kind is list or kind is tuple):
        return [_exact(item) for item in value]
    if kind is Decimal:
        return str(value)
    raise _NotExact


def canonical(value: object) -> bytes:
    """Canonical JSON (RFC 8785). `Decimal`, and integers beyond 2**53, become strings first."""
    try:
        return _encode(_exact(value)).encode()
    except (_NotExact, UnicodeEncodeError):
        return rfc8785.dumps(_plain(value))


def digest(value: object) -> str:
    """SHA-256 of the canonical JSON, as 64 hex digits."""
    return hashlib.sha256(canonical(value)).hexdigest()


def stable_id(kind: str, *parts: object) -> str:
    """An id that depends on its parts alone: `kind-` and 16 hex digits (64 bits)."""
    return f"{kind}-{digest([kind, *parts])[:16]}"


def to_iso(micros: int) -> str:
    """RFC 3339 in UTC, with microseconds only where there are any."""
    moment = datetime.fromtimestamp(micros // SECOND, UTC).replace(microsecond=micros % SECOND)
    return moment.isoformat().replace("+00:00", "Z")


def from_iso(text: str) -> int:
    """Microseconds of an RFC 3339 instant.

    Raises:
        ValueError: the text is no instant, or names no offset from UTC.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} names no time zone; write an offset such as Z or +01:00")
    delta = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds
