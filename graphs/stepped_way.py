"""The fast way through a batch of envelopes that are filtered, enriched or published: their data are dictionaries."""

from collections.abc import Mapping, Sequence
from typing import Any

import fastjsonschema

from agents.mapping import Steps
from agents.monitoring import Fields
from agents.monitoring.readings import mapping_fields
from contracts import Event, StreamSpec, data_version
from graphs.fast_path import sure
from graphs.screening import Incoming, Screen
from graphs.taken import Taken
from graphs.wire_forms import PlainForm


class SteppedWay:
    """Says yes where `Screen.read` does, and passes over the rest."""

    def __init__(self, stream: StreamSpec, screen: Screen) -> None:
        self._form = PlainForm(dict.fromkeys(screen.validators, lambda data: data))
        self._steps, self._validators = Steps(stream), screen.validators
        self._tenant, self._whole = screen.tenant, stream.processed is not None

    def take(self, messages: Sequence[Incoming], payloads: Sequence[bytes], now: int) -> Taken:  # noqa: ARG002
        """What is surely an event of the stream, or surely filtered out."""
        payloads = list(payloads)
        rows, taken = sure(self._form, payloads, now), Taken()
        for place, wire, time in zip(rows.places, rows.wires, rows.times, strict=True):
            event = self._steps.apply(_event(wire, time, self._tenant))
            if event is None:
                taken.filtered.append(place)
                continue
            try:
                self._validators[event.type](event.data)
            except (fastjsonschema.JsonSchemaValueException, ArithmeticError):
                continue
            taken.add(place, event, event.data, payloads[place], whole=self._whole)
        return taken

    def element(self, data: Mapping[str, Any]) -> Any:
        """The data of an event that was read by itself."""
        return data

    def fields(self) -> Fields:
        """Of the elements."""
        return mapping_fields


def _event(wire: Any, time: int, tenant: str) -> Event:
    return Event(
        id=wire.id,
        source=wire.source,
        type=wire.kind,
        time=time,
        data=wire.data,
        key=wire.partitionkey,
        tenant=tenant,
        data_version=data_version(wire.datacontenttype),
        causation_id=wire.causationid,
        correlation_id=wire.correlationid,
        traceparent=wire.traceparent,
    )
