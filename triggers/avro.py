"""Avro messages as documents: decoded with the schema that they were written with."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from io import BytesIO
from typing import Any, Protocol
from uuid import UUID

from agents.mapping import Fault
from contracts import StreamSpec, install_command
from graphs import Incoming
from triggers.brokers import AskOperator, Message

MAX_SCHEMAS = 1000
"""Parsed schemas that are kept."""


class Schemas(Protocol):
    """Where the schema of a message's version is asked for; a `Broker` is one."""

    async def schema(self, topic: str, version: bytes | None) -> str | None: ...


class Documents:
    """Decodes the messages of a stream of `format: avro`.

    The schema is the stream's own `schema`, for every message; else the broker's, by the version that the message
    names, so that a new version is picked up with its first message. What cannot be decoded gets a `Fault` of the code
    `schema`, and becomes a dead letter with its payload as it came.
    """

    def __init__(self, stream: StreamSpec, schemas: Schemas) -> None:
        try:
            import fastavro
        except ModuleNotFoundError as error:
            rule = f"install Forestall with it: {install_command('pulsar')}"
            raise AskOperator(f"{stream.name}: fastavro is not installed, which Avro is read with; {rule}") from error
        self._fastavro: Any = fastavro
        self._schemas = schemas
        self._own = None if stream.avro_schema is None else self._parsed(stream.avro_schema)
        self._known: dict[tuple[str, bytes], Any] = {}

    async def incoming(self, messages: Sequence[Message]) -> list[Incoming]:
        """The messages, each with its document or its fault.

        Raises:
            BrokerError: a schema could not be asked for; nothing is known of the messages yet.
        """
        unknown: dict[tuple[str, bytes], Fault] = {}
        found = []
        for each in messages:
            schema = await self._schema(each, unknown)
            payload = each.payload
            document = schema if isinstance(schema, Fault) else self._decode(payload, schema)
            found.append(
                Incoming(
                    each.topic, each.message_id, payload, each.partition, each.publish_time, document, each.position
                )
            )
        return found

    async def _schema(self, message: Message, unknown: dict[tuple[str, bytes], Fault]) -> Any:
        """Parsed; a version that the broker does not know is asked for once a batch."""
        if self._own is not None:
            return self._own
        version = message.schema_version
        if version is None:
            return _fault("names no schema; let the producer write with one, or give the stream `schema:`")
        name = (message.topic, version)
        if name not in self._known and name not in unknown:
            try:
                text = await self._schemas.schema(message.topic, version)
            except AskOperator as error:
                raise AskOperator(f"{error}; or give the stream `schema:`, a file with it") from error
            if text is None:
                shown = int.from_bytes(version, "big")
                unknown[name] = _fault(f"written with version {shown}, of which the broker has no schema")
                return unknown[name]
            if len(self._known) >= MAX_SCHEMAS:
                self._known.clear()
            self._known[name] = self._parsed(text)
        return self._known[name] if name in self._known else unknown[name]

    def _parsed(self, schema: Any) -> Any:
        """Ready for the reader, or a fault."""
        try:
            return self._fastavro.parse_schema(_loaded(schema), named_schemas={})
        except Exception as error:  # fastavro raises what it meets: KeyError, TypeError, its own
            return _fault(f"the schema is no Avro schema: {type(error).__name__}: {error}")

    def _decode(self, payload: bytes, schema: Any) -> Mapping[str, Any] | Fault:
        stream = BytesIO(payload)
        try:
            value = self._fastavro.schemaless_reader(stream, schema)
        except Exception as error:  # likewise: EOFError, IndexError, UnicodeDecodeError, OverflowError
            told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            return _fault(f"cannot be decoded with its schema ({told}); it was written with another one, or cut off")
        if left := len(payload) - stream.tell():
            return _fault(f"cannot be decoded with its schema: {left} bytes are left; it was written with another one")
        if not isinstance(value, dict):
            return _fault("its schema is no record; only records can be mapped")
        return {name: _plain(item) for name, item in value.items()}


def _loaded(schema: Any) -> Any:
    """Pulsar's registry holds the schema as JSON; the name of a primitive type may stand there bare."""
    try:
        return json.loads(schema) if isinstance(schema, str) else schema
    except json.JSONDecodeError:
        return schema


def _fault(rule: str) -> Fault:
    return Fault(None, None, rule[:500], "schema")


def _plain(value: Any) -> Any:
    """Logical types as JSON would have them: times in ISO 8601, decimals as text. Bytes stay, and cannot be mapped."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value) if isinstance(value, UUID) else value
