"""Reading the journal as it grows, and telling what is new."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from forestall.trace.happenings import Happening, happening
from governance import frozen
from ledger import Ledger


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
        for number, event in numbered:
            self._seen = number
            if event.type == "forestall.command.issued":
                self._issued[event.data["id"]] = event.data["arguments"]
            each = happening(event, self._issued, self._option)
            if each is not None and each.kind == "command.issued" and stopped is not None:
                each = replace(each, word="held", text=f"{each.text}; all effects are frozen")
            if each is not None and not self._again(each):
                found.append(each)
        return found

    def _again(self, found: Happening) -> bool:
        """An incident may be looked at pane after pane: that is told once."""
        if found.word != "looking":
            return False
        known = found.incident in self._looking
        self._looking.add(found.incident)
        return known
