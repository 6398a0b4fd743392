"""A person has seen what could not be taken: it stays where it is, and is not news any more."""

from collections.abc import Collection

from contracts import own_event
from governance.errors import Refused
from ledger import Routing, Transaction, record


def acknowledge(tx: Transaction, numbers: Collection[int], *, person: str, now: int, note: str = "") -> int:
    """Mark these dead letters as seen; returns how many were not so before.

    Raises:
        Refused: nobody has seen them.
    """
    if not person.strip():
        raise Refused("person: empty; say who has seen them (--as NAME)")
    new = tx.inbox.mark_seen(numbers, now)
    if new:
        data = {"person": person, "note": note, "dead_letters": new, "latest": max(numbers)}
        record(tx, Routing(), own_event("acknowledgement.made", data, about=(now, person, max(numbers)), time=now))
    return new
