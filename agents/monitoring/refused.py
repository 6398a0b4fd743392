"""What cannot be counted, and why."""

from dataclasses import dataclass

from agents.monitoring.panes import LARGEST
from contracts import Measure

KEY_MAX_CHARACTERS = 1_024
"""A series' key is in its signals, and in whatever an incident writes about them."""
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Refused:
    """An event that cannot be counted as it is; `place` is its index in the batch."""

    place: int
    code: str
    reason: str


def refused_for(measure: Measure, place: int, role: str, name: str, value: object) -> Refused:
    """The measure needs the field `name` as its `role`, and this value will not do; None: there is none."""
    if value is None:
        what = f"missing ({role})"
    elif role == "key":
        what = f"{_short(value)} is longer than {KEY_MAX_CHARACTERS} characters (key)"
    else:
        what = f"{_short(value)} is no finite number of at most {LARGEST:g}"
    return Refused(place, "missing_key", f"data.{name}: {what}; measure {measure.name} needs it")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
