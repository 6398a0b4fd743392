"""JSON Schema as msgspec types, where both mean exactly the same: what the types take, the schema takes.

The reverse need not hold (an integer may be written as 3.0): what the types refuse is looked at by the schema itself.
"""

import re
from collections.abc import Mapping
from functools import reduce
from operator import or_
from types import GenericAlias
from typing import Annotated, Any, Literal

import msgspec
from fastjsonschema.draft04 import DOLLAR_FINDER
from fastjsonschema.draft07 import CodeGeneratorDraft07

_SILENT = frozenset({"title", "description", "examples", "$comment"})
_FORMATS = ("date-time", "date")
_BOUNDS = {"minimum": "ge", "maximum": "le", "exclusiveMinimum": "gt", "exclusiveMaximum": "lt"}
_LENGTHS = {"minLength": "min_length", "maxLength": "max_length"}
_ITEMS = {"minItems": "min_length", "maxItems": "max_length"}
_MAX_BOUND = 2**53


class Untranslatable(ValueError):
    """No msgspec type means the same as this schema."""


def object_types(schema: Mapping[str, Any]) -> dict[str, tuple[Any, bool]]:
    """The properties of an object: name -> (type, whether it is required).

    Raises:
        Untranslatable: the schema says more than types can, in which case only it can tell.
    """
    given = _said(schema)
    if given.pop("type", "object") != "object" or given.pop("additionalProperties", True) is not True:
        raise Untranslatable("type")
    properties, required = given.pop("properties", {}), given.pop("required", [])
    if given:
        raise Untranslatable(", ".join(sorted(given)))
    types = {name: (_type(below), name in required) for name, below in properties.items()}
    return types | {name: (Any, True) for name in required if name not in types}


def nests(type: Any) -> bool:
    """Whether a value of this type may contain others."""
    return "Any" in str(type) or "dict" in str(type) or "list" in str(type)


def _type(schema: Any) -> Any:
    if schema is True:
        return Any
    if not isinstance(schema, Mapping):
        raise Untranslatable(repr(schema))
    given = _said(schema)
    kind = given.pop("type", None)
    if "enum" in given:
        return _enum(given, kind)
    if kind is None:
        if given:
            raise Untranslatable("keywords without a type")
        return Any
    kinds = kind if isinstance(kind, list) else [kind]
    made = [_one(each, given) for each in kinds]
    used = {"string": {*_LENGTHS, "pattern", "format"}, "array": {*_ITEMS, "items"}}
    understood = set().union(*(used.get(each, set(_BOUNDS)) for each in kinds))
    if not kinds or set(given) - understood:
        raise Untranslatable(", ".join(sorted(given)))
    return reduce(or_, made)


def _enum(given: Mapping[str, Any], kind: object) -> Any:
    values = given["enum"]
    if (
        len(given) > 1
        or kind not in (None, "string")
        or not values
        or not all(isinstance(each, str) for each in values)
    ):
        raise Untranslatable("enum")
    return Literal[tuple(values)]


def _one(kind: object, given: Mapping[str, Any]) -> Any:
    match kind:
        case "string":
            return _constrained(str, _numbers(given, _LENGTHS) | _pattern(given))
        case "integer":
            return _constrained(int, _numbers(given, _BOUNDS, signed=True))
        case "number":
            bounds = _numbers(given, _BOUNDS, signed=True)
            return _constrained(int, bounds) | _constrained(float, bounds)
        case "boolean":
            return bool
        case "null":
            return None
        case "object":
            return dict[str, Any]
        case "array":
            items = _type(given["items"]) if "items" in given else Any
            return _constrained(GenericAlias(list, (items,)), _numbers(given, _ITEMS))
        case _:
            raise Untranslatable(f"type {kind!r}")


def _constrained(type: Any, rules: Mapping[str, Any]) -> Any:
    return Annotated[type, msgspec.Meta(**rules)] if rules else type


def _numbers(given: Mapping[str, Any], names: Mapping[str, str], *, signed: bool = False) -> dict[str, Any]:
    found = {ours: given[theirs] for theirs, ours in names.items() if theirs in given}
    for value in found.values():
        if (
            not isinstance(value, int)
            or isinstance(value, bool)
            or abs(value) > _MAX_BOUND
            or (value < 0 and not signed)
        ):
            raise Untranslatable(repr(value))
    return found


def _pattern(given: Mapping[str, Any]) -> dict[str, str]:
    formats = CodeGeneratorDraft07.FORMAT_REGEXS
    form = given.get("format")
    known = form in formats or form == "regex"
    if known and (form not in _FORMATS or "pattern" in given):
        raise Untranslatable(f"format {form}")
    if known:
        return {"pattern": formats[str(form)]}
    if "pattern" not in given:
        return {}
    pattern = DOLLAR_FINDER.sub(r"\\Z", str(given["pattern"]))
    try:
        re.compile(pattern)
    except re.error as error:
        raise Untranslatable(f"pattern: {error}") from error
    return {"pattern": pattern}


def _said(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords that constrain."""
    return {name: value for name, value in schema.items() if name not in _SILENT}
