"""What `forestall new` wrote, assumed and would have noticed."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from contracts import DAY
from forestall.cli.screen import LEARNING, plural, print_hanging, stdout
from forestall.trace import noticed, unprefixed

if TYPE_CHECKING:
    from forestall.backtest.result import Incident
    from forestall.newpack import Plan, Trial

SHOWN = 10
MANY = 4 * DAY
"""More than one incident in that time tires whoever gets them."""
FAULTS_SHOWN = 5


def drafted_json(folder: Path, text: str, plan: "Plan", trial: "Trial") -> dict[str, Any]:
    """The same as data; incidents and signals have the shape of `forestall backtest --json`."""
    return {
        "pack": plan.pack,
        "file": str(folder / "pack.yaml"),
        "yaml": text,
        "assumed": [{"what": what, "how": how} for what, how in plan.told],
        "warnings": plan.warnings,
        "counts": dict(trial.counts),
        "not_mapped": dict(trial.faults),
        "dead_letters": {code: {"count": number, "reason": why} for code, (number, why) in trial.dead.items()},
        "learning": list(trial.learning),
        "incidents": [each.to_json() for each in trial.incidents],
        "signals": [each.to_json() for each in trial.signals],
    }


def print_drafted(folder: Path, source: str, text: str, plan: "Plan", trial: "Trial", given: str = "") -> None:
    """`given` are the options that the next commands need, too."""
    console = stdout()
    for what, how in plan.told:
        print_hanging(console, Text(f"{what:<14}", "dim"), Text(how))
    for warning in plan.warnings:
        print_hanging(console, Text("! ", "bold yellow"), Text(warning))
    console.print()
    held = (
        f"of the sample's values it holds {', '.join(plan.values[:SHOWN])}"
        if plan.values
        else "it holds no value of the sample"
    )
    said = f", {plural(text.count(chr(10)), 'line')}: no mistakes. It observes; {held}."
    print_hanging(console, Text(""), Text.assemble((str(folder / "pack.yaml"), "bold"), said))
    console.print()
    _print_trial(console, plan, trial)
    console.print()
    _print_next(console, folder, source, plan, given)


def _print_trial(console: Console, plan: "Plan", trial: "Trial") -> None:
    levels = {measure.name for measure in plan.measures if not measure.dimensions}
    incidents, signals = plural(len(trial.incidents), "incident"), plural(len(trial.signals), "signal")
    end = ":" if trial.incidents else "."
    console.print(Text(f"On this sample it would have opened {incidents}, from {signals}{end}", "bold"))
    for incident in trial.incidents[:SHOWN]:
        _print_incident(console, incident, levels)
    if len(trial.incidents) > SHOWN:
        told = f"  and {len(trial.incidents) - SHOWN:,} more; --json lists them, forestall backtest draws them"
        console.print(Text(told, "dim"))
    if len(trial.incidents) > SHOWN and len(trial.incidents) * MANY > plan.span:
        told = "That is many: a longer pane (--pane), or settings: {min_score: 8} behind a detector, makes it quieter."
        print_hanging(console, Text("! ", "bold yellow"), Text(told))
    if trial.learning:
        who = f"{', '.join(trial.learning)} {'was' if len(trial.learning) == 1 else 'were'}"
        told = f"{who} learning to its end: {LEARNING}. Give it a longer sample, or let it run."
        print_hanging(console, Text("! ", "bold yellow"), Text(told))
    for told in _uncounted(trial):
        print_hanging(console, Text("! ", "bold yellow"), Text(told))


def _uncounted(trial: "Trial") -> Iterator[str]:
    """What of the sample did not count, and why."""
    late, doubled = trial.counts["late"], trial.counts["duplicates"]
    if late:
        yield f"{plural(late, 'event')} came too late to be counted: an earlier pane was closed already"
    if doubled:
        yield f"{plural(doubled, 'event')} came twice and counted once"
    if refused := trial.counts["keys_refused"]:
        yield f"{plural(refused, 'event')} had a key beyond the first thousand"
    for code, (number, reason) in trial.dead.items():
        yield f"{number:,} would be dead letters ({code}), such as: {reason}"
    for rule, number in list(trial.faults.items())[:FAULTS_SHOWN]:
        yield f"{number:,} would be dead letters (mapping): {rule}"
    if rest := sum(list(trial.faults.values())[FAULTS_SHOWN:]):
        yield f"{rest:,} more would be dead letters (mapping) for other reasons; --json lists them"


def _print_incident(console: Console, incident: "Incident", levels: set[str]) -> None:
    signal = incident.signal
    moment = incident.to_json()["opened_at"][:16].replace("T", " ")
    what = noticed(signal.to_json())
    explained = unprefixed(incident.explained.text, incident.explained.verdict)
    told = what if signal.measure in levels else f"{what} · {explained}"
    print_hanging(console, Text(f"  {moment}  ", "dim"), Text(told))


def _print_next(console: Console, folder: Path, source: str, plan: "Plan", given: str) -> None:
    pack, sample = shlex.quote(str(folder)), shlex.quote(source)
    check = (f"forestall pack check {pack}", "after you have edited it")
    emit = (f"forestall emit {sample} --pack {pack}{given}", f"put the rows on topic {plan.topic}")
    played = "" if plan.of_file else given
    steps = [
        (f"forestall backtest {pack} --from {sample}{played}", "how often, how broadly; --html FILE draws it"),
        emit if plan.of_file else check,
        (f"forestall run --pack {pack}{given}", "watch what comes; it only says what it would do"),
    ]
    console.print(Text("Next:", "bold"))
    width = max(len(command) for command, _ in steps)
    for command, what in steps:
        console.print(Text.assemble(f"  {command:<{width}}  ", (what, "dim")), soft_wrap=True)
