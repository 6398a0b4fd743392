"""Values of which a part is known before they come, held against tests and schemas: what may be, may be."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

import fastjsonschema
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from contracts import Where

_SHARED = ("$schema", "$defs", "definitions")


class _Any(dict[str, Any]):
    """Whatever is asked of it is there, and is unknown, too."""

    def __contains__(self, key: object) -> bool:
        return True

    def get(self, key: str, default: object = None) -> Any:  # noqa: ARG002
        return self

    def __getitem__(self, key: str) -> Any:
        return self


ANY = _Any()
"""Stands for a value that is known only when it comes."""


def is_known(value: object) -> bool:
    """Whether no part of it is `ANY`."""
    if value is ANY:
        return False
    parts: Iterable[object] = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(map(is_known, parts))


def may_pass(test: Where, data: Mapping[str, Any]) -> bool:
    """Whether data may pass a test of `keep` or `where`."""
    value = data.get(test.field)
    return not is_known(value) or test.compiled()(value)


def may_fit(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether a value may satisfy a schema.

    What is known is asked of the validator that is used at run time. Of an object that is known in part its
    `required`, `properties` and `additionalProperties: false` are looked at; every other rule may be satisfied.
    """
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError:
        return True  # another check tells it
    return _may_fit(value, schema, {name: schema[name] for name in _SHARED if name in schema})


def _may_fit(value: Any, schema: Any, shared: Mapping[str, Any]) -> bool:
    if is_known(value):
        return _fits(value, schema, shared)
    if not isinstance(schema, dict) or value is ANY or not isinstance(value, dict) or "$ref" in schema:
        return True
    properties = schema.get("properties", {})
    if any(name not in value for name in schema.get("required", ())):
        return False
    closed = schema.get("additionalProperties") is False and "patternProperties" not in schema
    if closed and any(each is not ANY and name not in properties for name, each in value.items()):
        return False
    return all(_may_fit(each, properties.get(name, True), shared) for name, each in value.items())


def _fits(value: Any, schema: Any, shared: Mapping[str, Any]) -> bool:
    try:
        # Wrapped, for `false` is a schema; copied, for the validator writes defaults into what it is given.
        fastjsonschema.compile({**shared, "properties": {"value": schema}})({"value": deepcopy(value)})
    except (fastjsonschema.JsonSchemaValueException, ArithmeticError):
        return False
    except (fastjsonschema.JsonSchemaException, OSError, ValueError):
        return True  # it refers to what is not there
    return True
