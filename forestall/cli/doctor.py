"""`forestall doctor`: is everything here that Forestall needs?"""

from typing import Annotated

import typer
from rich.text import Text

from forestall.cli.checks import Check, run_checks
from forestall.cli.options import AsJson, BrokerChoice, Home, Packs, settings
from forestall.cli.screen import print_hanging, print_json, stdout
from forestall.errors import SettingsError

MARKS = {"ok": ("✓", "green"), "note": ("·", "dim"), "warning": ("!", "yellow"), "bad": ("✗", "bold red")}


def register(app: typer.Typer) -> None:
    app.command(help="Check what is configured, reachable and missing.")(doctor)


def doctor(
    context: typer.Context,
    online: Annotated[
        bool, typer.Option("--online", help="Also ask Pulsar and the model's address whether they answer.")
    ] = False,
    packs: Packs = None,
    broker: BrokerChoice = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    fresh = False
    try:
        found = settings(context, home, packs=tuple(packs) if packs else None, broker=broker)
        checks, fresh = run_checks(found, online=online), not (found.home / "ledger.db").exists()
    except SettingsError as error:
        checks = [Check("settings", "bad", problem, "correct it", 2) for problem in error.problems]
    worst = next((check.exit_code for check in checks if check.state == "bad"), 0)
    if as_json:
        print_json({"usable": worst == 0, "checks": [check.to_json() for check in checks]})
    else:
        _print(checks, usable=worst == 0, fresh=fresh)
    if worst:
        raise typer.Exit(worst)


def _print(checks: list[Check], *, usable: bool, fresh: bool) -> None:
    console = stdout()
    for check in checks:
        mark, style = MARKS[check.state]
        head = Text.assemble((f"{mark} ", style), f"{check.name:<14}")
        print_hanging(console, head, Text(check.found))
        if check.remedy:
            print_hanging(console, Text(" " * 16), Text(f"→ {check.remedy}", "dim"))
    console.print()
    if usable:
        begin = " Begin with: forestall demo retail" if fresh else ""
        unasked = [check.name for check in checks if "not asked (--online" in check.found]
        asked = f" Not asked: {' and '.join(unasked)} (--online does)." if unasked else ""
        console.print(Text.assemble(("Forestall can be used.", "bold green"), asked, begin))
    else:
        console.print(Text("Forestall cannot be used yet; see the lines marked ✗.", "bold red"))
