"""What `forestall new` wrote, assumed and would have noticed."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from contracts import DAY
from forestall.cli.screen import plural, print_hanging, stdout
from forestall.trace import unprefixed

if TYPE_CHECKING:
    from forestall.backtest import Incident
    from forestall.newpack import Plan, Trial

SHOWN = 10
FAULTS_SHOWN = 5
ALL = "all"


def drafted_json(folder: Path, text: str, plan: "Plan", trial: "Trial") -> dict[str, Any]:
    """The same as data; `trial` has the shape of `forestall backtest --json`."""
    found = trial.found.to_json()
    found.pop("wall")  # equal samples, equal output
    return {
        "pack": plan.pack,
        "file": str(folder / "pack.yaml"),
        "yaml": text,
        "assumed": [{"what": what, "how": how} for what, how in plan.told],
        "warnings": plan.warnings,
        "not_mapped": dict(trial.faults),
        "trial": found,
    }


def print_drafted(folder: Path, source: str, text: str, plan: "Plan", trial: "Trial") -> None:
    console = stdout()
    for what, how in plan.told:
        print_hanging(console, Text(f"{what:<14}", "dim"), Text(how))
    for warning in plan.warnings:
        print_hanging(console, Text("! ", "bold yellow"), Text(warning))
    console.print()
    said = f", {plural(text.count(chr(10)), 'line')}: no mistakes. It observes; it keeps no personal value."
    console.print(Text.assemble((str(folder / "pack.yaml"), "bold"), said), soft_wrap=True)
    console.print()
    _print_trial(console, trial)
    console.print()
    _print_next(console, folder, source)


def _print_trial(console: Console, trial: "Trial") -> None:
    found = trial.found
    incidents, signals = plural(len(found.incidents), "incident"), plural(len(found.signals), "signal")
    days = (found.end - found.begin) / DAY
    over = f"{days:.0f} days" if days >= 2 else f"{days * 24:.1f} hours"
    head = f"On this sample it would have opened {incidents}, from {signals} in {over}"
    console.print(Text(f"{head}{':' if found.incidents else '.'}", "bold"))
    for incident in found.incidents[:SHOWN]:
        _print_incident(console, incident)
    if len(found.incidents) > SHOWN:
        console.print(Text(f"  and {len(found.incidents) - SHOWN:,} more; forestall backtest shows all", "dim"))
    if trial.learning:
        told = "It was learning all the time: counts take two days with events, levels three."
        console.print(Text(f"{told} Give it a longer sample, or let it run.", "yellow"))
    counts = found.counts
    for name, told in (("late", "came too late to be counted"), ("duplicates", "were duplicates")):
        if counts.get(name):
            console.print(Text(f"! {plural(counts[name], 'event')} {told}", "yellow"))
    for code, number in found.dead_letters.counts.items():
        reasons = "; ".join(found.dead_letters.reasons.get(code, ())[:1])
        print_hanging(console, Text("! ", "yellow"), Text(f"{number:,} would be dead letters ({code}): {reasons}"))
    for rule, number in list(trial.faults.items())[:FAULTS_SHOWN]:
        print_hanging(console, Text("! ", "yellow"), Text(f"{number:,} would be dead letters: {rule}"))
    if len(trial.faults) > FAULTS_SHOWN:
        rest = sum(list(trial.faults.values())[FAULTS_SHOWN:])
        console.print(Text(f"! {rest:,} more would be dead letters for other reasons; --json lists them", "yellow"))


def _print_incident(console: Console, incident: "Incident") -> None:
    signal = incident.signal
    moment = incident.to_json()["opened_at"][:16].replace("T", " ")
    key = "" if signal.key == ALL else f" of {signal.key}"
    noticed = (
        f"{signal.pattern} of {signal.measure}{key}: {signal.observed:g} where {signal.expected:.3g} were expected"
    )
    explained = unprefixed(incident.explained.text, incident.explained.verdict)
    print_hanging(console, Text(f"  {moment}  ", "dim"), Text(f"{noticed} · {explained}"))


def _print_next(console: Console, folder: Path, source: str) -> None:
    pack, sample = shlex.quote(str(folder)), shlex.quote(source)
    of_file = not source.startswith("topic:")
    begin = f"forestall emit {sample} --pack {pack}" if of_file else f"forestall backtest {pack} --from {sample}"
    why = "publish the file's rows" if of_file else "all of the topic, as a page too: --html FILE"
    steps = [
        (f"forestall pack check {pack}", "after you have edited it"),
        (begin, why),
        (f"forestall run --pack {pack}", "watch what comes; it says what it would do"),
    ]
    console.print(Text("Next:", "bold"))
    width = max(len(command) for command, _ in steps)
    for command, what in steps:
        console.print(Text.assemble(f"  {command:<{width}}  ", (what, "dim")), soft_wrap=True)
