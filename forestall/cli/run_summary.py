"""What a `forestall run --until-idle` came to."""

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from forestall.cli.screen import not_taken, plural, stdout
from ledger import Transaction

COUNTED = ("events", "duplicates", "late", "signals")


def counts(tx: Transaction) -> dict[str, int]:
    """Sums over packs of what the monitors counted, the dead letters by reason, and incidents."""
    found = dict.fromkeys(COUNTED, 0)
    for name, number in tx.docs.counters().items():
        what = name.rpartition(":")[2]
        if name.startswith("monitor:") and what in found:
            found[what] += number
    dead = {f"dead:{code}": number for code, number in tx.inbox.dead_letter_count().items()}
    return found | dead | {"incidents": len(tx.incidents.all())}


def summary_of(tx: Transaction, before: Mapping[str, int]) -> dict[str, Any]:
    """What came since `before`, and what is still open."""
    new = {name: number - before.get(name, 0) for name, number in counts(tx).items()}
    dead = {name.removeprefix("dead:"): number for name, number in new.items() if name.startswith("dead:") and number}
    kept = {name: number for name, number in new.items() if not name.startswith("dead:")}
    return kept | {"dead_letters": dead, "open": [run.thread for run in tx.runs.unfinished()]}


def print_run(summary: dict[str, Any], option: str) -> None:
    """Four lines, then what needs a person or can be looked at; `option` names the home."""
    console, dead = stdout(), summary["dead_letters"]
    late = f", {summary['late']:,} too late to count" if summary["late"] else ""
    rows = [
        ("events", f"{summary['events']:,}, and {plural(summary['duplicates'], 'duplicate')} left out{late}"),
        ("dead letters", ", ".join(f"{number:,} {code}" for code, number in dead.items()) or "none"),
        ("signals", f"{summary['signals']:,}"),
        ("incidents", f"{summary['incidents']:,}, {len(summary['open'])} of all still open"),
    ]
    for label, told in rows:
        console.print(Text.assemble((f"{label:<14}", "dim"), told))
    if dead:
        told = f"! {not_taken(dead)}: forestall dead-letters{option}"
        console.print(Text(told, "bold yellow"), soft_wrap=True)
    if summary["incidents"]:
        told = f"See them with forestall incidents{option}, and one with forestall trace ID{option}."
        console.print(Text(told, "dim"), soft_wrap=True)
