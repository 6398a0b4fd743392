"""Paths into documents, compiled."""

from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from operator import contains, itemgetter
from typing import Any

Get = Callable[[Mapping[str, Any]], Any]


def getter(path: str) -> Get:
    """Reads the value at a path; None where there is none.

    A name that the document has as it stands is taken; else dots lead into objects, and numbers, from 0, into arrays.
    """
    if "." not in path:
        return lambda document: document.get(path)
    steps = [(part, int(part) if part.isdecimal() else None) for part in path.split(".")]

    def get(document: Mapping[str, Any]) -> Any:
        if path in document:
            return document[path]
        value: Any = document
        for name, place in steps:
            if isinstance(value, dict):
                value = value.get(name)
            elif isinstance(value, list) and place is not None and place < len(value):
                value = value[place]
            else:
                return None
        return value

    return get


def column(documents: Sequence[dict[str, Any]], path: str) -> list[Any]:
    """What `getter` reads in each of them."""
    if "." not in path:
        try:
            return list(map(itemgetter(path), documents))
        except KeyError:
            return [document.get(path) for document in documents]
    if True in map(contains, documents, repeat(path)):
        return list(map(getter(path), documents))
    values: Sequence[Any] = documents
    for name in path.split("."):
        if set(map(type, values)) != {dict}:
            return list(map(getter(path), documents))
        values = [value.get(name) for value in values]
    return list(values)
