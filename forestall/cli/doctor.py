"""`forestall doctor`: is everything here that Forestall needs?"""

from typing import Annotated

import typer
from rich.text import Text

from forestall.cli.checks import Check, run_checks
from forestall.cli.options import AsJson, Home, settings
from forestall.cli.screen import print_hanging, print_json, stdout
from forestall.errors import SettingsError

MARKS = {"ok": ("✓", "green"), "note": ("·", "dim"), "bad": ("✗", "bold red")}


def register(app: typer.Typer) -> None:
    app.command(help="Check what is configured, reachable and missing.")(doctor)


def doctor(
    context: typer.Context,
    online: Annotated[bool, typer.Option("--online", help="Also ask the model's address whether it answers.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    try:
        checks = run_checks(settings(context, home), online=online)
    except SettingsError as error:
        checks = [Check("settings", "bad", problem, "correct it", 2) for problem in error.problems]
    worst = next((check.exit_code for check in checks if check.state == "bad"), 0)
    if as_json:
        print_json({"usable": worst == 0, "checks": [check.to_json() for check in checks]})
    else:
        _print(checks, usable=worst == 0)
    if worst:
        raise typer.Exit(worst)


def _print(checks: list[Check], *, usable: bool) -> None:
    console = stdout()
    for check in checks:
        mark, style = MARKS[check.state]
        head = Text.assemble((f"{mark} ", style), f"{check.name:<14}")
        print_hanging(console, head, Text(check.found))
        if check.remedy:
            print_hanging(console, Text(" " * 16), Text(f"→ {check.remedy}", "dim"))
    console.print()
    if usable:
        console.print(Text.assemble(("Forestall can be used.", "bold green"), " Begin with: forestall demo retail"))
    else:
        console.print(Text("Forestall cannot be used yet; see the lines marked ✗.", "bold red"))
