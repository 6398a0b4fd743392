"""Screening a message: is it an event of ours to take, and was it seen before?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import fastjsonschema

from agents.mapping import Fault, Mapper, Origin, Steps, own_id, read_json
from contracts import DAY, EPOCHS, SECOND, Event, EventMapping, MalformedEvent, StreamSpec, decode_event
from ledger import DeadLetter

EVENT_MAX_BYTES = 1_000_000
FUTURE_TOLERANCE = 300 * SECOND
"""How far an event may lie ahead of our own clock: clocks differ, five minutes is a broken one."""
REASON_MAX_CHARACTERS = 1_000
LeftOut = Literal["ignored", "filtered"]
"""A type that the stream ignores; an event that its `keep` does not let through."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message as it came from a broker.

    `document` is what the payload was decoded to, or why it could not be, where that was done already (Avro).
    `position` orders a partition's messages; -1: it is not known.
    """

    topic: str
    message_id: str
    payload: bytes
    partition: int = 0
    publish_time: int | None = None
    document: Mapping[str, Any] | Fault | None = None
    position: int = -1


@dataclass(frozen=True, slots=True)
class Accepted:
    event: Event
    message: Incoming


def ahead_of_clock(time: int, now: int, mapping: EventMapping | None = None) -> str | None:
    """Why an event's time lies too far ahead of our own clock; None of one that does not.

    `mapping`: by which its time was read. Where that holds no offset, a wrong `zone` may be to blame.
    """
    if time <= now + FUTURE_TOLERANCE:
        return None
    mend = "mend the sender's clock"
    if mapping is not None and mapping.time.column is not None and mapping.time.format not in EPOCHS:
        mend += ", or the zone in the mapping, if its times are not written in that one"
    days = (time - now) // DAY
    far = f" ({days} days)" if days > 1 else ""
    return f"time: {(time - now) // SECOND} s{far} ahead of our clock; {mend}"


class Screen:
    """Decodes messages of one stream, maps, filters and enriches them, and holds them against its declared types."""

    def __init__(self, stream: StreamSpec, tenant: str) -> None:
        self.tenant, self._mapping = tenant, stream.mapping
        self._mapper = None if stream.mapping is None else Mapper(stream.mapping, tenant=tenant)
        self._steps = Steps(stream) if stream.keep or stream.enrich else None
        self._ignore_others = stream.others == "ignore"
        self.validators: Mapping[str, Callable[[Any], Any]] = {
            declared.type: fastjsonschema.compile(declared.data) for declared in stream.types
        }

    def read(self, message: Incoming, now: int) -> Accepted | DeadLetter | LeftOut:
        """The event, or why it cannot be taken, or is not wanted."""
        if len(message.payload) > EVENT_MAX_BYTES:
            reason = f"{len(message.payload)} bytes; an event may have {EVENT_MAX_BYTES}: send a reference instead"
            return self.dead(message, "too_large", reason, now)
        event = self._event(message)
        if isinstance(event, Fault):
            return self.dead(message, event.code, str(event), now)
        if ahead := ahead_of_clock(event.time, now, self._mapping):
            return self.dead(message, "future", ahead, now)
        validator = self.validators.get(event.type)
        if validator is None:
            if self._ignore_others:
                return "ignored"
            known = ", ".join(sorted(self.validators))
            reason = f"type: {event.type!r} is not declared by the stream; known: {known}"
            return self.dead(message, "unknown_type", reason, now)
        kept = event if self._steps is None else self._steps.apply(event)
        if kept is None:
            return "filtered"
        try:
            validator(kept.data)
        except fastjsonschema.JsonSchemaValueException as problem:
            return self.dead(message, "schema", f"{problem.message}, but is {_short(problem.value)}", now)
        except ArithmeticError as problem:  # `multipleOf` of an integer that is beyond every float
            return self.dead(message, "schema", f"data: a number in it cannot be judged by the schema ({problem})", now)
        return Accepted(kept, message)

    def _event(self, message: Incoming) -> Event | Fault:
        if self._mapper is None:
            try:
                return decode_event(message.payload, tenant=self.tenant)
            except MalformedEvent as problem:
                return Fault(None, None, problem.reason, "malformed")
        document = read_json(message.payload) if message.document is None else message.document
        if isinstance(document, Fault):
            return document
        origin = Origin(message.topic, own_id(message), publish_time=message.publish_time)
        return self._mapper.map(document, origin)

    @staticmethod
    def dead(message: Incoming, code: str, reason: str, now: int) -> DeadLetter:
        """A dead letter for a message."""
        if len(reason) > REASON_MAX_CHARACTERS:  # it may hold what the message is full of
            reason = f"{reason[: REASON_MAX_CHARACTERS - 3]}..."
        return DeadLetter(message.topic, message.message_id, code, reason, message.payload, now, len(message.payload))


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
