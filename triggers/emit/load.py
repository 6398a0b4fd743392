"""Mapping files: read, checked, and every fault named by file, line, field and rule."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from triggers.emit.errors import FixMapping
from triggers.emit.mapping import MappingSpec
from triggers.emit.rows import open_rows


def load_mapping(path: Path, source: Path | None = None) -> MappingSpec:
    """The mapping in a YAML file; with a `source`, its columns are checked against that file's first line too.

    Raises:
        FixMapping: it cannot be read or breaks a rule.
        FixFile: the source cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, yaml.SafeLoader)
        content: Any = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise FixMapping(f"{path}: cannot be read: {error}") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise FixMapping(f"{path}:{line}: no valid YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise FixMapping(f"{path}: no valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise FixMapping(f"{path}:1: the file must hold a mapping with topic, type, source, id, time and fields")
    try:
        mapping = MappingSpec.model_validate(content)
    except ValidationError as error:
        faults = [(_place(content, one["loc"]), _reason(one)) for one in error.errors()]
    else:
        faults = [] if source is None else _unknown_columns(mapping, source)
    if faults:
        lines = [f"{path}:{_line(root, place)}: {'.'.join(place) or 'mapping'}: {reason}" for place, reason in faults]
        raise FixMapping("\n".join(lines))
    return mapping


def _unknown_columns(mapping: MappingSpec, source: Path) -> list[tuple[tuple[str, ...], str]]:
    with open_rows(source) as (columns, _):
        return [] if columns is None else mapping.unknown(columns)


def _reason(error: ErrorDetails) -> str:
    reason = error["msg"].removeprefix("Value error, ")
    shown = isinstance(error["input"], str | int | float) and error["type"] != "value_error"
    return f"{reason} (it is {error['input']!r})" if shown else reason


def _place(content: object, location: Sequence[str | int]) -> tuple[str, ...]:
    """Where in the file: Pydantic's location less its own steps, such as `[key]`; a missing field ends it."""
    place: list[str] = []
    for step in location:
        if isinstance(content, dict) and step != "[key]":
            content = content.get(step)
        elif isinstance(content, list) and isinstance(step, int):
            content = content[step]
        else:
            break
        place.append(str(step))
    return tuple(place)


def _line(node: yaml.Node | None, field: Sequence[str]) -> int:
    line = 1
    for step in field:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == step]
            if not found:
                break
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and step.isdigit() and int(step) < len(node.value):
            node = node.value[int(step)]
            line = node.start_mark.line + 1
        else:
            break
    return line
