"""How a stream's events are decoded in one step: an envelope a declared type, chosen by `type`, around its data."""

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Annotated, Any, Literal, Protocol

import msgspec

from agents.monitoring import Fields
from agents.monitoring.readings import mapping_fields
from contracts import ATTRIBUTE_MAX_CHARACTERS, EventType
from graphs.schema_types import Untranslatable, nests, object_types

MAX_FIELDS = 256
"""Fields that are learned beyond the declared ones; events with more are read one by one."""
_NO_FIELD = re.compile(r'["\\\x00-\x1f]')
"""What msgspec takes in no field's name."""
_log = logging.getLogger("forestall.monitor")
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=ATTRIBUTE_MAX_CHARACTERS)]
_Note = Annotated[str, msgspec.Meta(max_length=ATTRIBUTE_MAX_CHARACTERS)] | None


class Form(Protocol):
    """What an event of the stream looks like on the wire."""

    @property
    def decode(self) -> Callable[[bytes], Any]:
        """From a payload to an envelope with `kind`, its type. What it refuses may still be an event.

        Raises:
            ValueError, RecursionError, JsonSchemaValueException: it is none of this form.
        """
        ...

    @property
    def nests(self) -> bool:
        """Whether the data may be nested."""
        ...

    def element(self, data: Mapping[str, Any]) -> Any:
        """The data of an event that was decoded in another way, as this form has them."""
        ...

    def fields(self) -> Fields:
        """For elements that were made until now."""
        ...


def form_of(
    declared: Sequence[EventType], wanted: Iterable[str], validators: Mapping[str, Callable[[Any], Any]]
) -> Form:
    """Types that were made for the stream, or dictionaries where its schemas say more than types can."""
    schemas = {each.type: each.data for each in declared}
    try:
        return TypedForm(schemas, wanted)
    except Untranslatable as why:
        _log.debug("types %s: validated by their schemas: %s", ", ".join(sorted(schemas)), why)
        return PlainForm(validators)


class PlainForm:
    """Data are dictionaries, validated by their schemas."""

    nests = True

    def __init__(self, validators: Mapping[str, Callable[[Any], Any]]) -> None:
        self._decode = _decoder(dict.fromkeys(validators, dict[str, Any]))
        self._validators = validators

    def decode(self, payload: bytes) -> Any:
        """See `Form.decode`."""
        wire = self._decode(payload)
        self._validators[wire.kind](wire.data)
        return wire

    def element(self, data: Mapping[str, Any]) -> Any:
        """See `Form.element`."""
        return data

    def fields(self) -> Fields:
        """See `Form.fields`."""
        return mapping_fields


class TypedForm:
    """Data are structs with a field for everything that is declared, wanted, or was met before.

    A field of another name is refused, so that nothing is passed over unread; `element` then learns it.
    """

    def __init__(self, schemas: Mapping[str, Mapping[str, Any]], wanted: Iterable[str]) -> None:
        self._types = {kind: object_types(schema) for kind, schema in schemas.items()}
        self.nests = any(nests(type) for types in self._types.values() for type, _ in types.values())
        self._attributes: dict[str, str] = {}
        self._learned = 0
        self._extend(name for types in [*self._types.values(), wanted] for name in types)
        self._always = dict(self._attributes)

    def _extend(self, names: Iterable[str]) -> None:
        added = dict.fromkeys(name for name in names if name not in self._attributes)
        attributes = self._attributes | {name: f"f{number}" for number, name in enumerate(added, len(self._attributes))}
        structs = {kind: _struct(types, attributes) for kind, types in self._types.items()}
        self.nests = self.nests or any(set(attributes) - set(types) for types in self._types.values())
        self.decode = _decoder(structs)
        self._attributes = attributes
        self._any = next(iter(structs.values()))

    def element(self, data: Mapping[str, Any]) -> Any:
        """See `Form.element`."""
        new = [name for name in data if name not in self._attributes and _NO_FIELD.search(name) is None]
        if new and self._learned + len(new) <= MAX_FIELDS:
            self._learned += len(new)
            self._extend(new)
        known = {attribute: data.get(name) for name, attribute in self._attributes.items()}
        return self._any(**known)

    def fields(self) -> Fields:
        """See `Form.fields`."""
        attributes = dict(self._attributes)

        def of(names: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
            if len(names) > 1 and all(name in self._always for name in names):
                return attrgetter(*[attributes[name] for name in names])
            wanted = [attributes.get(name, "") for name in names]
            return lambda data: tuple([getattr(data, attribute, None) for attribute in wanted])

        return of


def _struct(types: Mapping[str, tuple[Any, bool]], attributes: Mapping[str, str]) -> type[msgspec.Struct]:
    fields: list[Any] = []
    for name, attribute in attributes.items():
        kind, required = types.get(name, (Any, False))
        fields.append((attribute, kind) if required else (attribute, kind, None))
    rename = {attribute: name for name, attribute in attributes.items()}
    try:
        return msgspec.defstruct("Data", fields, rename=rename, kw_only=True, forbid_unknown_fields=True, gc=False)
    except (TypeError, ValueError) as error:
        raise Untranslatable(str(error)) from error


def _decoder(data: Mapping[str, Any]) -> Callable[[bytes], Any]:
    """Decodes the envelope with the data that belong to its type."""
    union: Any = None
    for kind, type in data.items():
        # A tag may be missing where there is only one: then the type is a field.
        only = len(data) == 1
        wire = msgspec.defstruct(
            "Wire",
            [
                *([("type", Literal[kind])] if only else []),
                ("specversion", Literal["1.0"]),
                ("id", _Name),
                ("source", _Name),
                ("time", str),
                ("datacontenttype", str, "application/json"),
                ("data", type),
                ("partitionkey", _Note, None),
                ("tenant", str | None, None),
                ("causationid", _Note, None),
                ("correlationid", _Note, None),
                ("traceparent", _Note, None),
            ],
            namespace={"kind": kind},
            tag_field=None if only else "type",
            tag=None if only else kind,
            kw_only=True,
            gc=False,
        )
        union = wire if union is None else union | wire
    try:
        return msgspec.json.Decoder(union).decode
    except (TypeError, ValueError) as error:
        raise Untranslatable(str(error)) from error
