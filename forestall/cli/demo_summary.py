"""What a demo came to, in figures."""

import shlex
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from contracts import SECOND
from forestall.cli.screen import plural, print_hanging, print_trimmed, program
from forestall.demo import DemoResult, IncidentResult
from forestall.trace import ENDINGS, duration, short

INCIDENT_WIDTH = 20


def print_summary(
    console: Console, result: DemoResult, home: Path, story: dict[str, Any], *, interactive: bool
) -> None:
    """Times, orders, commands, and where to look next."""
    console.print()
    if result.incidents:
        print_trimmed(console, _incidents(result))
    else:
        console.print("No incident: nothing was noticed, nothing was done.")
    console.print()
    for name, told in _figures(result):
        print_hanging(console, Text(f"{name:<17}", "dim"), Text(told))
    console.print()
    for what, command in _next_steps(result, home, story, interactive=interactive):
        console.print(Text.assemble(f"{what:<22}", (command, "bold")), soft_wrap=True)


def _incidents(result: DemoResult) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for name in ("incident", "what it was", "noticed after", "ended after", "how"):
        table.add_column(name, no_wrap=True, min_width=INCIDENT_WIDTH if name == "incident" else None)
    for each in result.incidents:
        noticed, over = _since(each.detected_after_s), _since(each.resolved_after_s)
        table.add_row(each.id, each.trouble or "a false alarm", noticed, over, _how(each))
    return table


def _how(incident: IncidentResult) -> str:
    if incident.status != "resolved":
        return ENDINGS.get(incident.status, incident.status)
    return "alone" if incident.autonomous else "approved"


def _since(seconds: float | None) -> str:
    return "–" if seconds is None else duration(seconds * SECOND)


def _figures(result: DemoResult) -> list[tuple[str, str]]:
    with_oracle = result.orders_lost_without - result.orders_saved_by_oracle
    lost = f"{result.orders_lost_without} with nobody acting, {result.orders_lost} with Forestall"
    commands = f"{result.commands}, each applied once" if result.commands else "none"
    return [
        ("orders lost", f"{lost}, {with_oracle} with an oracle that knows at once"),
        ("orders saved", _saved(result)),
        ("commands", f"{commands}; {plural(result.decisions, 'decision')} recorded"),
        ("decision digest", f"{short(result.decision_digest)} (the same for the same story and answers)"),
    ]


def _saved(result: DemoResult) -> str:
    possible = result.orders_saved_by_oracle
    if possible <= 0:
        return "none; there was nothing that the shop's tools could have saved"
    return (
        f"{result.orders_saved} of the {possible} that the oracle saves ({100 * result.orders_saved / possible:.0f} %)"
    )


def _next_steps(result: DemoResult, home: Path, story: dict[str, Any], *, interactive: bool) -> list[tuple[str, str]]:
    steps = [
        ("How it reasoned:", f"{program()} trace {each.id} --home {shlex.quote(str(home))}")
        for each in result.incidents[:1]
    ]
    if story["novel"] and not story["model"]:
        steps.append(("With a model's plan:", f"{program()} demo retail --novel --model scripted"))
    elif not interactive and any(each.commands and not each.autonomous for each in result.incidents):
        steps.append(("Approve it yourself:", f"{program()} demo retail{_options(story)} --interactive"))
    return steps


def _options(story: dict[str, Any]) -> str:
    """The options that tell the same story again, as far as they change who is asked."""
    told = [f" --degrade {','.join(story['degrade'])}"] if story["degrade"] else []
    told += [f" --{name}" for name in ("novel",) if story[name]]
    told += [f" --model {story['model']}"] if story["model"] else []
    return "".join(told)
