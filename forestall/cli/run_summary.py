"""What a `forestall run --until-idle` came to."""

from typing import Any

from rich.text import Text

from forestall.cli.screen import not_taken, plural, stdout


def print_run(summary: dict[str, Any], option: str) -> None:
    """A line for each count, then what needs a person or can be looked at; `option` names the home."""
    console, dead = stdout(), summary["dead_letters"]
    filtered = f", {summary['filtered']:,} filtered out" if summary["filtered"] else ""
    late = f", {summary['late']:,} too late to count" if summary["late"] else ""
    rows = [
        ("events", f"{summary['events']:,}, and {plural(summary['duplicates'], 'duplicate')} left out{filtered}{late}"),
        ("dead letters", ", ".join(f"{number:,} {code}" for code, number in dead.items()) or "none"),
        ("signals", f"{summary['signals']:,}"),
        ("incidents", f"{summary['incidents']:,}, {len(summary['open'])} of all still open"),
    ]
    if reflexes := summary["reflexes"]:
        words = {"act": "acted", "observe": "would have acted", "stale": "too old to act on"}
        told = ", ".join(f"{number:,} {words.get(what, what)}" for what, number in reflexes.items())
        rows.insert(3, ("reflexes", told))
    for label, told in rows:
        console.print(Text.assemble((f"{label:<14}", "dim"), told))
    if dead:
        told = f"! {not_taken(dead)}: forestall dead-letters{option}"
        console.print(Text(told, "bold yellow"), soft_wrap=True)
    if summary["incidents"]:
        told = f"See them with forestall incidents{option}, and one with forestall trace ID{option}."
        console.print(Text(told, "dim"), soft_wrap=True)
