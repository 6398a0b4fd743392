"""Does one YAML file have the shape of its contract? Every mistake at once, with its line."""

import difflib
import types
from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from contracts import Contract, format_duration, parse_duration
from forestall.packs.mistakes import Location, Mistake, dotted, nearest
from forestall.packs.source import Source

_Model = TypeVar("_Model", bound=Contract)

_ADVICE = {
    "string_type": "must be text; put it in quotes",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "decimal_parsing": "must be an amount such as 250 or 99.50",
    "decimal_type": "must be an amount such as 250 or 99.50",
    "tuple_type": "must be a list; write each item behind a dash",
    "dict_type": "must be fields; write `name: value` on each line",
    "model_type": "must be fields; write `name: value` on each line",
    "string_pattern_mismatch": "must be a name: small letters, digits and _, a letter first",
}
NO_UNIT = "names no unit; write a whole number and s, m, h or d, such as 15m"
_BOUNDS = {
    "greater_than_equal": ("ge", "must be at least"),
    "greater_than": ("gt", "must be more than"),
    "less_than_equal": ("le", "must be at most"),
    "less_than": ("lt", "must be less than"),
}


def check_shape(source: Source, model: type[_Model]) -> tuple[_Model | None, list[Mistake]]:
    """The contract, or None and every mistake in its shape."""
    mistakes = list(source.mistakes)
    if source.data is None:
        return None, mistakes
    mistakes += _numbers_for_durations(source, model)
    try:
        return model.model_validate(source.data), mistakes
    except ValidationError as error:
        unitless = {each.field for each in mistakes if each.rule == NO_UNIT}
        misspelt = {each["loc"][:-1] + _meant(model, each) for each in error.errors() if _is_unknown(each)}
        told = [each for each in error.errors() if not _follows(each, unitless, misspelt)]
        return None, mistakes + [_mistake(source, model, each) for each in told]


def _is_unknown(detail: ErrorDetails) -> bool:
    return detail["type"] == "extra_forbidden"


def _meant(model: type[BaseModel], unknown: ErrorDetails) -> Location:
    """The field whose name it nearly has, if any."""
    *parent, name = unknown["loc"]
    return tuple(difflib.get_close_matches(str(name), _fields(_model_at(model, tuple(parent))), n=1))


def _follows(detail: ErrorDetails, unitless: Collection[str], misspelt: Collection[Location]) -> bool:
    """Pydantic counts the good items only: a list is also too short for it when one of its items is wrong.

    A number without a unit is taken for microseconds, and so it is out of bounds besides. What is misspelt is missing
    under its right name.
    """
    if detail["type"] == "missing":
        return detail["loc"] in misspelt
    if detail["type"] in _BOUNDS:
        return dotted(detail["loc"]) in unitless
    return detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]


def _mistake(source: Source, model: type[BaseModel], detail: ErrorDetails) -> Mistake:
    location: Location = tuple(part for part in detail["loc"] if part != "[key]")
    kind = detail["type"]
    if _is_unknown(detail):
        fields = _fields(_model_at(model, location[:-1]))
        return source.mistake(location, f"unknown field; {nearest(location[-1], fields)}")
    if kind == "missing":
        return source.mistake(location, "missing; add it here")
    if kind == "misplaced":
        return _misplaced(source, location, detail)
    if kind in _BOUNDS and _duration_at(model, location):
        bound, rule = _BOUNDS[kind]
        value = source.at(location)
        return source.mistake(location, f"{rule} {format_duration(detail['ctx'][bound])}", value)
    value = location[-1] if detail["loc"][-1:] == ("[key]",) else detail["input"]
    if isinstance(value, dict | list) and kind == "value_error":
        value = None
    return source.mistake(location, _rule(detail), value)


def _misplaced(source: Source, location: Location, detail: ErrorDetails) -> Mistake:
    """The fields disagree; the contract names the one to change."""
    location += tuple(part for part in detail["ctx"]["at"].split(".") if part)
    value = source.at(location)
    return source.mistake(location, detail["msg"], None if isinstance(value, dict | list) else value)


def _rule(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    match detail["type"]:
        case "literal_error":
            return f"must be {context['expected']}; {nearest(detail['input'], _quoted(context['expected']))}"
        case "too_short":
            return f"must have at least {context['min_length']}; add one"
        case "string_pattern_mismatch" if "." in context["pattern"]:
            return "must be the name of a type, such as order.placed: small letters, digits and _, a letter first"
        case kind if kind in _ADVICE:
            return _ADVICE[kind]
        case _:
            return detail["msg"].removeprefix("Value error, ").replace("Input should be", "must be")


def _quoted(expected: str) -> list[str]:
    return [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]


def _numbers_for_durations(source: Source, model: type[BaseModel]) -> Iterator[Mistake]:
    """A bare number is microseconds to the contract and a slip in a file."""
    for location in source.lines:
        value = source.at(location)
        if isinstance(value, int) and not isinstance(value, bool) and value and _duration_at(model, location):
            yield source.mistake(location, NO_UNIT, value)


def _duration_at(model: type[BaseModel], location: Location) -> bool:
    parent = _model_at(model, location[:-1]) if location else None
    field = None if parent is None else _fields(parent).get(str(location[-1]))
    return field is not None and _is_duration(field)


def _is_duration(field: FieldInfo) -> bool:
    return any(isinstance(mark, BeforeValidator) and mark.func is parse_duration for mark in field.metadata)


def _fields(model: type[BaseModel] | None) -> Mapping[str, FieldInfo]:
    if model is None:
        return {}
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _model_at(model: type[BaseModel], location: Location) -> type[BaseModel] | None:
    """The contract that describes a location, or None where anything goes."""
    annotation: Any = model
    for part in location:
        annotation = _strip(annotation)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            field = _fields(annotation).get(str(part))
            annotation = None if field is None else field.annotation
        else:
            inner = [each for each in get_args(annotation) if each is not Ellipsis]
            annotation = inner[-1] if inner else None
    annotation = _strip(annotation)
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _strip(annotation: Any) -> Any:
    """Without `Annotated` and `| None`."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in (Union, types.UnionType):
            annotation = next(each for each in get_args(annotation) if each is not types.NoneType)
        else:
            return annotation
