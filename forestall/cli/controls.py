"""What people switch and settle: `freeze`, `thaw`, `mode`, `settle`, `close`."""

from typing import Annotated, Literal

import typer
from rich.text import Text

from forestall.cli.ledgers import change, find, find_incident
from forestall.cli.options import Home, Note, Person, settings, unicode_text
from forestall.cli.questions import os_user
from forestall.cli.screen import stdout
from forestall.home import home_option, now_in
from forestall.usual import goes_on
from governance import close_incident, freeze, set_mode, settle, thaw
from ledger import Transaction


def register(app: typer.Typer) -> None:
    app.command(name="freeze", help="Stop all effects at once, commands in flight included.")(freeze_all)
    app.command(name="thaw", help="Let effects go on.")(thaw_all)
    app.command(help="Let a pack act, or only observe.")(mode)
    app.command(name="settle", help="Say what became of a command whose outcome nobody knows.")(settle_command)
    app.command(help="Close an incident: an open one, or one handed to a person.")(close)


def freeze_all(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="Why; whoever finds it frozen will read it.", callback=unicode_text)],
    person: Person = None,
    home: Home = None,
) -> None:
    folder, who = settings(context, home).home, person or os_user()
    change(folder, "freeze", lambda tx: freeze(tx, person=who, reason=reason, now=now_in(folder, tx)))
    _tell("Frozen.", f" No tool is called until forestall thaw{home_option(folder)}.")


def thaw_all(context: typer.Context, person: Person = None, home: Home = None) -> None:
    folder, who = settings(context, home).home, person or os_user()
    change(folder, "thaw", lambda tx: thaw(tx, person=who, now=now_in(folder, tx)))
    _tell("Thawed.", " Effects go on.")


def mode(
    context: typer.Context,
    pack: Annotated[str, typer.Argument(help="A pack's name.")],
    to: Annotated[Literal["observe", "act"], typer.Argument(help="act, or observe: say what it would do.")],
    person: Person = None,
    home: Home = None,
) -> None:
    folder, who = settings(context, home).home, person or os_user()

    def switch(tx: Transaction) -> str:
        from forestall.packs import known_packs

        name = find(pack, sorted({*known_packs(), *packs_seen(tx)}), "pack", exact=True)
        set_mode(tx, name, to, person=who, now=now_in(folder, tx))
        return name

    name = change(folder, "mode", switch)
    _tell(f"{name} may {to}", " from the next plan on.")


def packs_seen(tx: Transaction) -> set[str]:
    """Packs that have left a trace in this home."""
    switched = {name.removeprefix("mode:") for name in tx.docs.switches() if name.startswith("mode:")}
    counted = {name.split(":")[1] for name in tx.docs.counters() if name.startswith("monitor:")}
    return switched | counted | {doc["pack"] for doc in tx.incidents.all() if "pack" in doc}


def settle_command(
    context: typer.Context,
    command: Annotated[str, typer.Argument(help="The command's whole id.")],
    status: Annotated[Literal["succeeded", "failed"], typer.Argument(help="Did it happen?")],
    person: Person = None,
    note: Note = "",
    home: Home = None,
) -> None:
    folder, who = settings(context, home).home, person or os_user()

    def work(tx: Transaction) -> tuple[str, str]:
        known = [row.command.id for doc in tx.incidents.all() for row in tx.commands.of_incident(doc["id"])]
        name = find(command, known, "command", home=folder, exact=True)
        settle(tx, name, status, person=who, now=now_in(folder, tx), note=note)
        row = tx.commands.get(name)
        return name, goes_on(folder, tx, _pack_of(tx, row.command.incident_id if row else ""))

    name, then = change(folder, "person:settle", work)
    _tell(f"{name}: {status}, says {who}.", f" {then}.")


def close(
    context: typer.Context,
    incident: Annotated[str, typer.Argument(help="The incident's whole id.")],
    person: Person = None,
    note: Note = "",
    home: Home = None,
) -> None:
    folder, who = settings(context, home).home, person or os_user()

    def work(tx: Transaction) -> tuple[str, str]:
        name = find_incident(tx, incident, folder, exact=True)
        how = close_incident(tx, name, person=who, now=now_in(folder, tx), note=note)
        return name, "" if how == "closed" else f" {goes_on(folder, tx, _pack_of(tx, name))}."

    name, then = change(folder, "person:close", work)
    _tell(f"{name}: closed by {who}.", then)


def _pack_of(tx: Transaction, incident: str) -> str:
    run = tx.runs.get(incident)
    return run.pack if run else ""


def _tell(what: str, then: str) -> None:
    stdout().print(Text.assemble((what, "bold"), then), soft_wrap=True)
