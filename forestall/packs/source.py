"""YAML with line numbers: the data, and where each part of it was written.

The YAML 1.2 core schema is read, so that `NO` stays a country and `2024-01-01` a text. Duplicate keys, merge keys and
other surprises are mistakes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from forestall.packs.mistakes import Location, Mistake, dotted, shown

Item = tuple[Location, dict[str, Any]]
MAX_BYTES = 1_000_000
MAX_NODES = 50_000
MAX_DEPTH = 40

_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]{1,2})?|[-+]?[0-9]+[eE][-+]?[0-9]{1,2}")


@dataclass(frozen=True, slots=True)
class Source:
    """One YAML file. `data` is None when it could not be read; `mistakes` then says why."""

    file: Path
    data: Any
    mistakes: tuple[Mistake, ...]
    lines: dict[Location, int] = field(repr=False)

    def line(self, location: Location) -> int:
        """Where a part was written; for a part that is missing, where what should hold it begins."""
        while location and location not in self.lines:
            location = location[:-1]
        return self.lines.get(location, 1)

    def at(self, location: Location) -> Any:
        """The data at a location, or None."""
        value = self.data
        for part in location:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def mistake(self, location: Location, rule: str, value: object = None) -> Mistake:
        """A mistake in this file; `value` None stands for nothing to show."""
        told = "" if value is None else shown(value)
        return Mistake(self.file, self.line(location), dotted(location), told, rule)


def items(source: Source, *path: str | int) -> Iterator[Item]:
    """The mappings in a list, each with its location; nothing where no list was written."""
    found = source.at(path)
    for place, item in enumerate(found if isinstance(found, list) else ()):
        if isinstance(item, dict):
            yield (*path, place), item


def texts(value: object) -> list[tuple[int, str]]:
    """The texts of a list with their places; what else is in it is a mistake of shape."""
    return (
        [(place, each) for place, each in enumerate(value) if isinstance(each, str)] if isinstance(value, list) else []
    )


class _Reader:
    def __init__(self, file: Path) -> None:
        self.file = file
        self.lines: dict[Location, int] = {}
        self.mistakes: list[Mistake] = []
        self.nodes = 0

    def fault(self, node: yaml.Node, location: Location, rule: str, value: object = None) -> None:
        told = "" if value is None else shown(value)
        self.mistakes.append(Mistake(self.file, node.start_mark.line + 1, dotted(location), told, rule))

    def build(self, node: yaml.Node, location: Location) -> Any:
        self.nodes += 1
        self.lines.setdefault(location, node.start_mark.line + 1)
        if self.nodes > MAX_NODES or len(location) > MAX_DEPTH:
            raise RecursionError
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, location)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*location, place)) for place, item in enumerate(node.value)]
        return self._scalar(node, location)

    def _mapping(self, node: yaml.MappingNode, location: Location) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            here = (*location, key)
            if not isinstance(key_node, yaml.ScalarNode):
                self.fault(key_node, location, "a list or mapping cannot be a key; write a name before the colon")
            elif key == "<<":
                self.fault(key_node, here, "merge keys are not read; write the fields out")
            elif key in data:
                self.fault(key_node, here, f"written twice, first on line {self.lines[here]}; remove one")
            else:
                self.lines[here] = key_node.start_mark.line + 1
                data[key] = self.build(value_node, here)
        return data

    def _scalar(self, node: yaml.Node, location: Location) -> Any:
        text = str(node.value)
        if node.tag == "tag:yaml.org,2002:str" or getattr(node, "style", None) in ("'", '"', "|", ">"):
            return text
        if node.tag.startswith("!") or node.tag.startswith("tag:"):
            self.fault(node, location, "tags are not read; write a plain value", node.tag)
            return None
        return _plain(text)


def _plain(text: str) -> Any:
    """YAML 1.2 core schema, without octal, hexadecimal and infinities; digits behind a zero (`007`) stay a text."""
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


class _Loader(yaml.SafeLoader):
    """Leaves every plain scalar unresolved (tag ``), so that `_plain` alone decides."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        if kind is yaml.ScalarNode and implicit[0]:
            return ""
        return super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]


def read_source(file: Path) -> Source:
    """Read one YAML file; never raises for what is written in it.

    Raises:
        OSError: the file cannot be read.
    """
    raw = file.read_bytes()
    if len(raw) > MAX_BYTES:
        rule = f"at most {MAX_BYTES} bytes are read; split it up"
        return Source(file, None, (Mistake(file, 1, "", f"{len(raw)} bytes", rule),), {})
    try:
        node = yaml.compose(raw.decode(), Loader=_Loader)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        return Source(file, None, (Mistake(file, line, "", "", "not UTF-8; save the file as UTF-8"),), {})
    except yaml.YAMLError as error:
        return Source(file, None, (_syntax(file, error),), {})
    reader = _Reader(file)
    try:
        data = {} if node is None else reader.build(node, ())
    except RecursionError:
        rule = f"at most {MAX_NODES} values, {MAX_DEPTH} levels deep; remove nested aliases"
        return Source(file, None, (Mistake(file, 1, "", "", rule),), {})
    if not isinstance(data, dict):
        reader.mistakes.append(Mistake(file, 1, "", shown(data), "must be fields; write `name: value` on each line"))
    return Source(file, data if isinstance(data, dict) else None, tuple(reader.mistakes), reader.lines)


def _syntax(file: Path, error: yaml.YAMLError) -> Mistake:
    mark = getattr(error, "problem_mark", None)
    line = 1 if mark is None else mark.line + 1
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable"
    return Mistake(file, line, "", "", f"not YAML: {problem}; check the indentation, colons and quotes here")
