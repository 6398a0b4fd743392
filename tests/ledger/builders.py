"""Small rows for the ledger's tests."""

from decimal import Decimal
from typing import Any

from contracts import HOUR, Command, Correlation, Event, Outcome, Signal, own_event
from ledger import Run, Transaction

CORRELATION = Correlation(window=HOUR, cooldown=HOUR)


def signal(onset: int = 0, *, id: str | None = None, key: str = "all", **changes: Any) -> Signal:
    values: dict[str, Any] = {
        "id": id or f"sig-{key}-{onset}",
        "tenant": "default",
        "pack": "plant",
        "detector": "burst",
        "measure": "pressure",
        "key": key,
        "pattern": "spike",
        "onset": onset,
        "noticed_at": onset + 1,
        "observed": 9.0,
        "expected": 1.0,
        "score": 8.0,
    }
    return Signal.model_validate(values | changes)


def open_run(tx: Transaction, onset: int = 0, key: str = "all") -> str:
    """An incident's run, with its signal as the first mail."""
    return tx.incidents.open_or_join(signal(onset, key=key), CORRELATION, "digest", 1).incident_id


def claim(tx: Transaction, owner: str = "a", now: int = 10) -> Run:
    run = tx.runs.claim(owner, now)
    assert run is not None
    return run


def command(number: int = 1, **changes: Any) -> Command:
    values: dict[str, Any] = {
        "id": f"cmd-{number}",
        "incident_id": "inc-1",
        "pack": "plant",
        "tenant": "default",
        "plan_version": 1,
        "ordinal": str(number),
        "tool": "move_valve",
        "arguments": {"to": "open"},
        "deadline": 1_000,
        "value_ceiling": Decimal(100),
        "authority": "approval:req-1",
    }
    return Command.model_validate(values | changes)


def outcome(made: Command, status: str = "succeeded") -> Outcome:
    return Outcome.model_validate({"command_id": made.id, "incident_id": made.incident_id, "status": status})


def note(number: int, kind: str = "thing.noted", incident: str | None = None, **data: Any) -> Event:
    return own_event(kind, data, about=(number,), time=number, incident=incident)
