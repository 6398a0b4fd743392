"""The append-only log of what really happened at the sinks."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection
from typing import Any, Literal

from scenarios.retail.actions import Action, decode_action, encode_action
from scenarios.retail.store import connect

SinkName = Literal["oms", "routing", "mail"]
Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class EffectRecord:
    """One effect: `id` counts up over all sinks, `tick` is the last durable one when it was accepted."""

    id: int
    sink: SinkName
    command_id: str | None
    tick: int
    what: Action
    result: Result


def append(db: Connection, sink: SinkName, command_id: str | None, what: Action, result: Result) -> Result:
    """Log it within the caller's transaction, and return the result."""
    values = (sink, command_id, encode_action(what), json.dumps(result, sort_keys=True))
    db.execute(
        "INSERT INTO effects (sink, command_id, tick, what, result) VALUES (?, ?, (SELECT tick FROM world), ?, ?)",
        values,
    )
    return result


def find(db: Connection, sink: SinkName, command_id: str) -> Result | None:
    """The result of a command's first effect at a sink, or None."""
    query = "SELECT result FROM effects WHERE sink = ? AND command_id = ? ORDER BY id LIMIT 1"
    row = db.execute(query, (sink, command_id)).fetchone()
    return None if row is None else dict(json.loads(row[0]))


def newest_first(db: Connection, sink: SinkName) -> Iterator[Action]:
    for (what,) in db.execute("SELECT what FROM effects WHERE sink = ? ORDER BY id DESC", (sink,)):
        yield decode_action(what)


def read_effects(home: Path) -> tuple[EffectRecord, ...]:
    """The whole log, oldest first."""
    with closing(connect(home)) as db:
        rows = db.execute("SELECT id, sink, command_id, tick, what, result FROM effects ORDER BY id").fetchall()
    return tuple(
        EffectRecord(number, sink, command_id, tick, decode_action(what), json.loads(result))
        for number, sink, command_id, tick, what, result in rows
    )
