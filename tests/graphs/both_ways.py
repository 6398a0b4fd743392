"""What a batch at once and message by message say, in one form."""

from collections.abc import Sequence
from typing import Any

from graphs.reading import Screened
from graphs.screening import Accepted, Incoming, Screen
from ledger import DeadLetter, content_digest, former_digest, former_identity, name_identity, name_prefix


def one_by_one(screen: Screen, messages: Sequence[Incoming], now: int, fields: Sequence[str]) -> dict[str, Any]:
    """What `Screen.read` says, in the form of `told`."""
    said: dict[str, Any] = {"rows": [], "dead": [], "ignored": 0, "filtered": 0, "events": []}
    for place, message in enumerate(messages):
        found = screen.read(message, now)
        if isinstance(found, Accepted):
            made = found.event
            name = name_identity(name_prefix("default", made.source), made.id)
            old = former_identity("default", made.source, made.id), former_digest(message.payload)
            values = tuple(made.data.get(field) for field in fields)
            named = (place, made.id, made.source, made.type, made.time)
            said["rows"].append((*named, values, name, content_digest(message.payload), old))
            said["events"].append(made)
        elif isinstance(found, DeadLetter):
            said["dead"].append(found)
        else:
            said[found] += 1
    return said


def told(screened: Screened, fields: Sequence[str]) -> dict[str, Any]:
    """What is in the columns."""
    readings = screened.readings
    of = readings.fields(fields)
    singly = [readings.fields([name]) for name in fields]
    rows = []
    for row, data in enumerate(readings.data):
        assert of(data) == tuple(one(data)[0] for one in singly)
        identity, digest, now = screened.former(row)
        assert now == screened.digests[row]
        columns = (readings.ids, screened.sources, readings.types, readings.times)
        rows.append(
            (screened.places[row], *(column[row] for column in columns), of(data), screened.identities[row],
             screened.digests[row], (identity, digest))
        )  # fmt: skip
    left = {"ignored": screened.ignored, "filtered": screened.filtered}
    return {"rows": rows, "dead": screened.dead, **left, "events": screened.events}


def exactly(said: dict[str, Any], *, whole: bool = False) -> str:
    """Equal numbers of different types differ here: 1, 1.0 and True are three values. `whole` events count, too."""
    return repr(said if whole else {name: value for name, value in said.items() if name != "events"})
