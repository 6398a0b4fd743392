"""`forestall dead-letters`: messages that could not be taken, why, and what to do about them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from contracts import to_iso
from forestall.cli.ledgers import change, read
from forestall.cli.options import AsJson, Home, Note, Person, settings
from forestall.cli.questions import os_user
from forestall.cli.screen import not_taken, plural, print_hanging, print_json, stdout
from forestall.errors import NotFound
from forestall.home import home_option, now_in
from governance import acknowledge
from ledger import DeadLetter, Transaction

LETTERS = 100
PAYLOAD_SHOWN = 200
STEP = "See forestall dead-letters for the entries and their numbers."
ELSE = "Correct the sender and send the message again."
_VALUES = re.compile(r"'[^']*'|\"[^\"]*\"|\d+")
"""What differs from message to message within a reason."""
REMEDIES: Mapping[str, str] = {
    "unknown_type": "Declare the type in the pack's stream, correct `type` in the mapping, or let the stream ignore"
    " others (`others: ignore`).",
    "schema": "Correct the field at the sender or in the mapping, or what the pack's stream declares of it.",
    "mapping": "Correct the field at the sender, or the stream's `mapping` in the pack (`type`, `optional`, `zone`).",
    "malformed": "Send JSON: objects where the pack's stream has a `mapping`, else CloudEvents; forestall emit makes"
    " either of CSV and JSON lines.",
    "too_large": "Send a reference instead of the content.",
    "future": "Mend the sender's clock, or the time column and time zone of the mapping. Behind a gap of more than 30"
    " days in a history there is nothing to do: the stream goes on after a few events.",
    "unforeseen": "A fault of Forestall, which this message met: report it with the traceback in the log of `forestall"
    " run`, and send the message again once it is mended.",
    "id_reused": "Give each event an id of its own: this one came before with other content.",
}
"""What to do, by code."""


def register(app: typer.Typer) -> None:
    app.command(name="dead-letters", help="Tell which messages could not be taken, why, and what to do.")(dead_letters)


def dead_letters(
    context: typer.Context,
    limit: Annotated[
        int, typer.Option(min=1, max=10_000, help="Show so many kinds, or with --json so many messages, latest first.")
    ] = LETTERS,
    seen: Annotated[
        str | None, typer.Option("--seen", metavar="NUMBER|all", help="You have seen this entry, or all of them.")
    ] = None,
    person: Person = None,
    note: Note = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    folder = settings(context, home).home
    if seen is not None:
        who = os_user() if person is None else person
        new = _acknowledge(folder, seen, who, note)
        if as_json:
            print_json({"seen": new, "by": who})
        else:
            stdout().print(Text(f"{plural(new, 'dead letter')} seen by {who}.", "bold"))
        return
    if as_json:
        print_json([_letter(each) for each in read(folder, lambda tx: tx.inbox.dead_letters(limit))])
        return
    found, counts = read(folder, lambda tx: (_entries(tx), tx.inbox.dead_letter_count()))
    shown, unseen = found[:limit], sum(entry.unseen for entry in found)
    latest = read(folder, lambda tx: [tx.inbox.dead_letter(entry.latest) for entry in shown])
    console = stdout()
    if not found:
        console.print("No dead letter.")
        return
    console.print(Text.assemble((not_taken(counts), "bold"), f"{how_many_unseen(counts, unseen)}."), soft_wrap=True)
    for entry, letter in zip(shown, latest, strict=True):
        if letter is not None:  # forgotten a moment ago
            _print_entry(console, entry, letter)
    if len(found) > len(shown):
        more = plural(len(found) - len(shown), "kind")
        console.print()
        console.print(Text(f"{more} of earlier ones left out; --limit shows more", "dim"))
    if unseen:
        option = home_option(folder)
        console.print()
        console.print(Text(f"Seen? forestall dead-letters --seen NUMBER|all{option}", "dim"), soft_wrap=True)


def _acknowledge(folder: Path, which: str, person: str, note: str) -> int:
    """How many were not seen before: of all, or of the number's entry (topic and kind of reason) up to that one."""

    def give(tx: Transaction) -> int:
        unseen = [(number, (topic, code, _kind(code, reason))) for number, topic, code, reason in tx.inbox.unseen()]
        if which == "all":
            numbers = [number for number, _ in unseen]
        else:
            entry = next((entry for number, entry in unseen if str(number) == which), None)
            if entry is None:
                raise NotFound(f"{which}: no dead letter of this number that was not seen yet", STEP)
            numbers = [number for number, each in unseen if each == entry and number <= int(which)]
        return acknowledge(tx, numbers, person=person, now=now_in(folder, tx), note=note)

    return change(folder, "person:seen", give)


def how_many_unseen(counts: Mapping[str, int], unseen: int) -> str:
    """`, 3 of them not seen yet`; empty where nobody has seen any."""
    if unseen == sum(counts.values()):
        return ""
    return f", {unseen:,} of them not seen yet" if unseen else ", all of them seen"


def _print_entry(console: Console, entry: "_Entry", latest: DeadLetter) -> None:
    others = len(entry.reasons) - 1
    payload = latest.payload[:PAYLOAD_SHOWN].decode("utf-8", "replace")
    console.print()
    unseen = entry.unseen
    seen = "seen" if not unseen else f"{unseen:,} not seen" if unseen < entry.count else ""
    told = plural(entry.count, "message")
    head = f"  {told} on {latest.topic}, the latest number {latest.number} at {to_iso(latest.at)}"
    head += f" ({seen})" if seen else ""
    console.print(Text.assemble((latest.code, "red"), head), soft_wrap=True)
    rows = (
        ("why", latest.reason + (f" (and {others:,} more like it, with other values)" if others else "")),
        ("for example", payload or "(an empty message)"),
        ("what to do", REMEDIES.get(latest.code, ELSE)),
    )
    for label, told in rows:
        print_hanging(console, Text(f"  {label:<13}", "dim"), Text(told))


@dataclass(slots=True)
class _Entry:
    """Those of one topic and kind of reason."""

    latest: int
    count: int = 0
    unseen: int = 0
    reasons: set[int] = field(default_factory=set)


def _entries(tx: Transaction) -> list[_Entry]:
    """Of all that are kept, the one with the latest message first."""
    found: dict[tuple[str, str, str], _Entry] = {}
    for number, topic, code, reason, seen in tx.inbox.reasons():
        entry = found.setdefault((topic, code, _kind(code, reason)), _Entry(number))
        entry.count += 1
        entry.unseen += not seen
        entry.reasons.add(hash(reason))
    return list(found.values())


def _kind(code: str, reason: str) -> str:
    """The reason without the values: a thousand messages with one mistake are one entry. Types are told apart."""
    return reason if code == "unknown_type" else _VALUES.sub("", reason)


def _letter(letter: DeadLetter) -> dict[str, Any]:
    return {
        "number": letter.number,
        "at": to_iso(letter.at),
        "seen_at": None if letter.seen_at is None else to_iso(letter.seen_at),
        "topic": letter.topic,
        "message_id": letter.message_id,
        "code": letter.code,
        "reason": letter.reason,
        "size": letter.size,
        "payload": letter.payload[:PAYLOAD_SHOWN].decode("utf-8", "replace"),
    }
