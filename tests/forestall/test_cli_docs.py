"""docs/cli.md leaves no command and no exit code out."""

from pathlib import Path

import typer

from forestall.cli.app import app
from forestall.errors import EXIT_CODES

TEXT = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")


def test_every_command_is_described() -> None:
    group = typer.main.get_command(app)
    names = [name for name in group.commands if name not in ("pack", "dev")]  # type: ignore[attr-defined]
    headings = "".join(line for line in TEXT.splitlines() if line.startswith("## ")).replace("`forestall ", "`")
    assert [name for name in [*names, "pack check", "dev pulsar up"] if f"`{name}`" not in headings] == []


def test_every_exit_code_is_described() -> None:
    assert [code for code, meaning in EXIT_CODES.items() if f"| {code} | {meaning} |" not in TEXT] == []
