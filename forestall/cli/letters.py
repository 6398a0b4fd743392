"""`forestall dead-letters`: messages that could not be taken, why, and what to do about them."""

import re
from collections.abc import Mapping
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

LETTERS = 1_000
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
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Look at the latest so many.")] = LETTERS,
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
    letters, counts, unseen = read(
        folder,
        lambda tx: (
            tx.inbox.dead_letters(limit),
            tx.inbox.dead_letter_count(),
            sum(tx.inbox.dead_letter_count(unseen=True).values()),
        ),
    )
    if as_json:
        print_json([_letter(each) for each in letters])
        return
    console = stdout()
    if not letters:
        console.print("No dead letter.")
        return
    console.print(Text.assemble((not_taken(counts), "bold"), f"{how_many_unseen(counts, unseen)}."), soft_wrap=True)
    groups: dict[tuple[str, str, str], list[DeadLetter]] = {}
    for letter in letters:
        groups.setdefault((letter.topic, letter.code, _kind(letter.code, letter.reason)), []).append(letter)
    for group in groups.values():
        _print_group(console, group)
    if (left := sum(counts.values()) - len(letters)) > 0:
        console.print(Text(f"{plural(left, 'earlier one')} left out; --limit shows more", "dim"))
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


def _print_group(console: Console, group: list[DeadLetter]) -> None:
    """Those of one topic and kind of reason, by the latest of them."""
    latest = group[0]
    others = len({each.reason for each in group}) - 1
    payload = latest.payload[:PAYLOAD_SHOWN].decode("utf-8", "replace")
    console.print()
    unseen = sum(each.seen_at is None for each in group)
    seen = "seen" if not unseen else f"{unseen:,} not seen" if unseen < len(group) else ""
    head = (
        f"  {plural(len(group), 'message')} on {latest.topic}, the latest number {latest.number} at {to_iso(latest.at)}"
    )
    head += f" ({seen})" if seen else ""
    console.print(Text.assemble((latest.code, "red"), head), soft_wrap=True)
    rows = (
        ("why", latest.reason + (f" (and {others} more like it, with other values)" if others else "")),
        ("for example", payload or "(an empty message)"),
        ("what to do", REMEDIES.get(latest.code, ELSE)),
    )
    for label, told in rows:
        print_hanging(console, Text(f"  {label:<13}", "dim"), Text(told))


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
