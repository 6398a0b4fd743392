"""Reading the journal as it grows, and telling what is new."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from contracts import Event
from forestall.trace.happenings import Happening, happening
from forestall.trace.story import DECISION
from governance import frozen
from ledger import Ledger

BEFORE_THEIR_DECISION = ("forestall.signal.raised", "forestall.standing_approval.granted")
"""What is written with a decision is written behind it, but for these."""


class Teller:
    """Polls the journal by number, so that it tells exactly what is durable, each event once."""

    def __init__(self, after: int = 0, option: str = "") -> None:
        self._seen, self._option = after, option
        self._issued: dict[str, Mapping[str, Any]] = {}
        self._looking: set[str | None] = set()

    async def new(self, ledger: Ledger) -> list[Happening]:
        """What has happened since the last call, in the order of writing."""
        seen, found = self._seen, []
        numbered, stopped = await ledger.read(lambda tx: (tx.journal.numbered(after=seen), frozen(tx)))
        workers = _workers(numbered)
        for number, event in numbered:
            self._seen = number
            if event.type == "forestall.command.issued":
                self._issued[event.data["id"]] = event.data["arguments"]
            each = happening(event, self._issued, self._option)
            if each is not None and each.kind == "command.issued" and stopped is not None:
                each = replace(each, word="held", text=f"{each.text}; all effects are frozen")
            if each is not None and not self._again(each):
                found.append(replace(each, worker=workers.get(number)))
        return found

    def _again(self, found: Happening) -> bool:
        """An incident may be looked at pane after pane: that is told once."""
        if found.word != "looking":
            return False
        known = found.incident in self._looking
        self._looking.add(found.incident)
        return known


def _workers(numbered: Sequence[tuple[int, Event]]) -> dict[int, str]:
    """Who wrote which event. Decisions say it; what else is written with one stands behind it, or before it.

    An event whose decision was told before, or that has none, is nobody's: rather told twice than by nobody.
    """
    found: dict[int, str | None] = {}
    for first, events in ((False, numbered), (True, reversed(numbered))):
        decided: dict[str | None, str | None] = {}
        for number, event in events:
            if event.type == DECISION:
                decided[event.correlation_id] = event.data.get("worker")
            if event.type == DECISION or (event.type in BEFORE_THEIR_DECISION) is first:
                found[number] = decided.get(event.correlation_id)
    return {number: worker for number, worker in found.items() if worker is not None}
