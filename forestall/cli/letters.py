"""`forestall dead-letters`: messages that could not be taken, why, and what to do about them."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from contracts import to_iso
from forestall.cli.ledgers import read
from forestall.cli.options import AsJson, Home, settings
from forestall.cli.screen import not_taken, plural, print_hanging, print_json, stdout
from ledger import DeadLetter

LETTERS = 1_000
PAYLOAD_SHOWN = 200
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
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    letters, counts = read(
        settings(context, home).home, lambda tx: (tx.inbox.dead_letters(limit), tx.inbox.dead_letter_count())
    )
    if as_json:
        print_json([_letter(each) for each in letters])
        return
    console = stdout()
    if not letters:
        console.print("No dead letter.")
        return
    console.print(Text(f"{not_taken(counts)}.", "bold"))
    groups: dict[tuple[str, str, str], list[DeadLetter]] = {}
    for letter in letters:
        groups.setdefault((letter.topic, letter.code, _kind(letter)), []).append(letter)
    for group in groups.values():
        _print_group(console, group)
    if (left := sum(counts.values()) - len(letters)) > 0:
        console.print(Text(f"{plural(left, 'earlier one')} left out; --limit shows more", "dim"))


def _print_group(console: Console, group: list[DeadLetter]) -> None:
    """Those of one topic and kind of reason, by the latest of them."""
    latest = group[0]
    others = len({each.reason for each in group}) - 1
    payload = latest.payload[:PAYLOAD_SHOWN].decode("utf-8", "replace")
    console.print()
    head = f"  {plural(len(group), 'message')} on {latest.topic}, the latest at {to_iso(latest.at)}"
    console.print(Text.assemble((latest.code, "red"), head), soft_wrap=True)
    rows = (
        ("why", latest.reason + (f" (and {others} more like it, with other values)" if others else "")),
        ("for example", payload or "(an empty message)"),
        ("what to do", REMEDIES.get(latest.code, ELSE)),
    )
    for label, told in rows:
        print_hanging(console, Text(f"  {label:<13}", "dim"), Text(told))


def _kind(letter: DeadLetter) -> str:
    """The reason without the values: a thousand messages with one mistake are one entry. Types are told apart."""
    return letter.reason if letter.code == "unknown_type" else _VALUES.sub("", letter.reason)


def _letter(letter: DeadLetter) -> dict[str, Any]:
    return {
        "at": to_iso(letter.at),
        "topic": letter.topic,
        "message_id": letter.message_id,
        "code": letter.code,
        "reason": letter.reason,
        "size": letter.size,
        "payload": letter.payload[:PAYLOAD_SHOWN].decode("utf-8", "replace"),
    }
