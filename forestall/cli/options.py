"""Options that several commands share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from forestall.errors import UsageError

Home = Annotated[Path | None, typer.Option("--home", help="Folder of the ledger and of all that is kept.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, and nothing else.")]


def unicode_text(text: str | None) -> str | None:
    """What is kept must be Unicode; bytes of another encoding reach Python as halves of surrogate pairs."""
    if text is not None and not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise UsageError(f"{text!r}: is no UTF-8", "Write it in UTF-8, or in plain letters.") from error
    return text


Person = Annotated[
    str | None,
    typer.Option("--as", metavar="PERSON", help="Who decides; you, by default.", callback=unicode_text),
]
Note = Annotated[str, typer.Option("--note", help="A word on why, kept with the answer.", callback=unicode_text)]
Packs = Annotated[
    list[str] | None,
    typer.Option("--pack", metavar="NAME|PATH", help="An installed pack, or one's folder; repeatable."),
]
BrokerChoice = Annotated[
    Literal["embedded", "pulsar"] | None,
    typer.Option(
        "--broker",
        help="The home's own log, or Pulsar: at FORESTALL_PULSAR_URL, or the one of forestall dev pulsar.",
    ),
]
"""Goes into the settings as `settings(context, home, broker=broker)`; `forestall.brokers.open_broker` heeds it."""
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether it is meant.")]


@dataclass(frozen=True, slots=True)
class Common:
    """What was given before the command."""

    home: Path | None
    debug: bool


def settings(context: typer.Context, home: Path | None = None, **overrides: Any) -> Any:
    """The settings, with what was given on the command line in front: the command's own option first."""
    from forestall.settings import load_settings

    common: Common = context.obj
    return load_settings(home=home or common.home, debug=common.debug or None, **overrides)
