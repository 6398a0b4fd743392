"""Rules over columns: an event that passes a reflex's tests becomes a call with the event's own values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from agents.monitoring.readings import Readings
from contracts import Reflex, canonical

ARGUMENT_MAX_BYTES = 4_096
"""A larger argument, as JSON, is refused: it would be written into the command, its decision and their copies."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a reflex wants for one event. `time` is the event's (microseconds).

    `missing` names a field that an argument or the value needs and the event does not have: then nothing may be done.
    `unfit` names an argument that no command can carry: likewise, and it is None in `arguments`.
    """

    reflex: Reflex
    event_id: str
    time: int
    arguments: Mapping[str, Any]
    value: Decimal
    missing: str | None = None
    unfit: str | None = None


def window_of(reflex: Reflex, time: int) -> int:
    """The start of the cool-down window (microseconds) in which the same arguments are acted on once."""
    return time - time % reflex.every


class _Rule:
    """A reflex, the fields that it reads, and its tests, each with the place of its field among them."""

    def __init__(self, reflex: Reflex) -> None:
        self.reflex, self.names = reflex, reflex.fields
        self._tests = [(self.names.index(test.field), test.compiled()) for test in reflex.where]

    def heeds(self, values: Sequence[Any]) -> bool:
        return all(passes(values[place]) for place, passes in self._tests)


class Reflexes:
    """A pack's rules on one stream."""

    def __init__(self, reflexes: Sequence[Reflex]) -> None:
        self._by_type: dict[str, list[_Rule]] = {}
        for rule in map(_Rule, reflexes):
            for name in rule.reflex.of:
                self._by_type.setdefault(name, []).append(rule)

    def __bool__(self) -> bool:
        return bool(self._by_type)

    def calls(self, readings: Readings) -> list[Call]:
        """The calls that these events ask for, in the order of arrival."""
        readers = {rule.reflex.name: readings.fields(rule.names) for rules in self._by_type.values() for rule in rules}
        found: list[Call] = []
        for place, kind in enumerate(readings.types):
            for rule in self._by_type.get(kind, ()):
                values = readers[rule.reflex.name](readings.data[place])
                if rule.heeds(values):
                    data = dict(zip(rule.names, values, strict=True))
                    found.append(_call(rule.reflex, readings.ids[place], readings.times[place], data))
        return found


def _call(reflex: Reflex, event_id: str, time: int, data: Mapping[str, Any]) -> Call:
    missing = next((name for name in reflex.needed if data.get(name) is None), None)
    value = Decimal(0)
    if reflex.value is not None and missing is None:
        try:
            value = Decimal(str(data[reflex.value]))
        except InvalidOperation:
            missing = reflex.value
        if not value.is_finite() or value < 0:
            value, missing = Decimal(0), reflex.value
    arguments = {name: _filled(given, data) for name, given in sorted(reflex.arguments.items())}
    unfit = [name for name, given in arguments.items() if not _fits(given)]
    arguments |= dict.fromkeys(unfit)
    return Call(reflex, event_id, int(time), arguments, value, missing, unfit[0] if unfit else None)


def _fits(given: Any) -> bool:
    try:
        return len(canonical(given)) <= ARGUMENT_MAX_BYTES
    except ValueError:
        return False


def _filled(given: Any, data: Mapping[str, Any]) -> Any:
    """`$name` stands for the event's field; anything else for itself."""
    return data.get(given[1:]) if isinstance(given, str) and given.startswith("$") else given
