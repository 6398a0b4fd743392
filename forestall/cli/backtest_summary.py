"""What a backtest came to, for a person at the terminal."""

from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from forestall.backtest import Backtest, Incident
from forestall.backtest import wording as say
from forestall.cli.screen import LEARNING, not_taken, plural, print_hanging, print_trimmed, stdout

INCIDENTS_SHOWN = 20
SIGNALS_SHOWN = 20
BAD_SHOWN = 3
MAY_STYLES = {"alone": "green", "approve": "yellow", "never": "red"}


def print_backtest(result: Backtest, html: Path | None = None, keep: Path | None = None) -> None:
    """The figures, every incident, what came to nothing, and what could not be used."""
    console = stdout()
    console.print(Text.assemble((result.title, "bold"), f" · backtest of {result.pack} on {result.source}"))
    console.print()
    _print_figures(console, result)
    for incident in result.incidents[:INCIDENTS_SHOWN]:
        console.print()
        _print_incident(console, incident)
    if len(result.incidents) > INCIDENTS_SHOWN:
        left = len(result.incidents) - INCIDENTS_SHOWN
        console.print(Text(f"\n{left:,} later ones are left out; --json and --html have them", "dim"))
    _print_other_signals(console, result)
    _print_unusable(console, result)
    console.print()
    if html is not None:
        console.print(Text(f"The page: {html}", "bold"), soft_wrap=True)
    if keep is not None:
        console.print(Text(f"The play's home: {keep}; forestall trace ID --home {keep}", "dim"), soft_wrap=True)
    speed = f" ({result.taken / result.wall_s:,.0f} events/s)" if result.wall_s else ""
    console.print(Text(f"Played in {result.wall_s:.1f} s{speed}. Nothing was done, nobody was asked.", "dim"))


def _print_figures(console: Console, result: Backtest) -> None:
    counts = result.counts
    rest = [
        f"{number:,} {told}"
        for name, told in (
            ("duplicates", "duplicates"),
            ("late", "too late to count"),
            ("filtered", "filtered out"),
            ("ignored", "of other types"),
            ("keys_refused", "of keys beyond the bound"),
        )
        if (number := counts.get(name, 0))
    ]
    asked = plural(result.approvals, "request") + " for approval" if result.approvals else "no request for approval"
    rows = [
        ("span", say.span_of(result)),
        ("events", ", ".join([f"{result.taken:,} counted", *rest]) + f"; {plural(counts.get('panes', 0), 'pane')}"),
        ("signals", f"{len(result.signals):,}"),
        ("incidents", f"{len(result.incidents):,}, {say.rate(result)}; {asked} if it acted"),
    ]
    if learning := _learning(result):
        rows.append(("learning", f"{'; '.join(learning)}: {LEARNING}"))
    for label, told in rows:
        print_hanging(console, Text(f"{label:<11}", "dim"), Text(told))


def _learning(result: Backtest) -> list[str]:
    """Detectors that for half of the time or more did not know what is usual."""
    panes: Counter[str] = Counter()
    learnt: Counter[str] = Counter()
    for track in result.tracks:
        panes[track.detector] += len(track.states)
        learnt[track.detector] += track.states.count("l")
    return [
        f"{name} to the end" if learnt[name] == number else f"{name} for {learnt[name]:,} of {plural(number, 'pane')}"
        for name, number in panes.items()
        if number and learnt[name] * 2 >= number
    ]


def _print_incident(console: Console, incident: Incident) -> None:
    head = Text.assemble((say.stamp(incident.opened_at), "bold"), "  ", (incident.id, "dim"))
    console.print(head)
    does, why = say.would_do(incident.would_do)
    indent = "  "
    print_hanging(console, Text(f"{indent}noticed  ", "dim"), Text(say.noticed(incident)))
    print_hanging(console, Text(f"{indent}because  ", "dim"), Text(say.explained(incident)))
    print_hanging(console, Text(f"{indent}would    ", "dim"), Text(does + (f": {why}" if why else "")))
    for step in incident.would_do.steps if incident.would_do else ():
        arguments = ", ".join(f"{name}={value}" for name, value in step.arguments.items())
        told = Text.assemble(f"{step.tool}({arguments})  ", (say.MAY[step.may], MAY_STYLES[step.may]))
        print_hanging(console, Text(f"{indent}         · ", "dim"), told)
    good = incident.recovered_at is not None
    print_hanging(console, Text(f"{indent}ended    ", "dim"), Text(say.ended(incident), "green" if good else "yellow"))


def _print_other_signals(console: Console, result: Backtest) -> None:
    """Signals that opened no incident; the others were told with theirs."""
    other = [each for each in result.signals if each.how != "opened"]
    if not other:
        return
    console.print()
    console.print(Text(f"{plural(len(other), 'further signal')}, no incident of their own", "bold"))
    table = Table.grid(padding=(0, 2, 0, 0))
    for each in other[:SIGNALS_SHOWN]:
        table.add_row(
            Text(f"  {say.stamp(each.signal.noticed_at)}"), Text(say.noticed_too(each)), Text(say.told(each), "dim")
        )
    print_trimmed(console, table)
    if len(other) > SIGNALS_SHOWN:
        console.print(Text(f"  and {len(other) - SIGNALS_SHOWN:,} more; --json and --html have them", "dim"))


def _print_unusable(console: Console, result: Backtest) -> None:
    dead, rows = result.dead_letters, result.rows
    if not dead.total and not rows.left_out:
        return
    console.print()
    if dead.total:
        console.print(Text(f"! {not_taken(dead.counts)}:", "bold yellow"), soft_wrap=True)
        for code, reasons in dead.reasons.items():
            for reason in reasons[:BAD_SHOWN]:
                print_hanging(console, Text(f"    {code}: ", "dim"), Text(reason))
    if rows.left_out:
        console.print(Text(f"! {plural(rows.left_out, 'row')} of {rows.read:,} left out:", "bold yellow"))
        for row in rows.bad[:BAD_SHOWN]:
            print_hanging(console, Text("    "), Text(str(row)))
