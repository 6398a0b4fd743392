"""`forestall incidents` and `forestall trace`: what happened, and how it was reasoned."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from contracts import to_iso
from forestall.cli.ledgers import find_incident, read
from forestall.cli.options import AsJson, Home, settings
from forestall.cli.screen import print_hanging, print_json, print_trimmed, stdout
from forestall.home import now_in
from forestall.trace import story_of, telling_at, tree_of, unprefixed
from ledger import Transaction

RECENT = 20
GOOD = frozenset({"resolved", "recovered_alone", "observed"})


def register(app: typer.Typer) -> None:
    app.command(help="List incidents: what was noticed, why, and how it ended.")(incidents)
    app.command(help="Tell how an incident was reasoned, from the journal alone.")(trace)


def incidents(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help=f"Not only the latest {RECENT}.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    docs = read(settings(context, home).home, lambda tx: tx.incidents.all())
    shown = docs if every else docs[-RECENT:]
    if as_json:
        print_json([_data(doc) for doc in shown])
        return
    console = stdout()
    if not shown:
        console.print("No incident so far.")
        return
    console.print(Text(f"{'noticed (event time)':<20}  incident", "dim"))
    for doc in shown:
        _print_incident(console, doc)
    if len(shown) < len(docs):
        console.print(Text(f"{len(docs) - len(shown)} earlier ones are left out; --all shows them", "dim"))


def trace(
    context: typer.Context,
    incident: Annotated[str, typer.Argument(help="The id of an incident or of a reflex, or its beginning.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    folder = settings(context, home).home

    def work(tx: Transaction) -> Any:
        name = find_incident(tx, incident, folder, reflexes=True)
        return story_of(name, tx.journal.events(incident=name)), now_in(folder, tx)

    story, now = read(folder, work)
    if as_json:
        print_json(story.to_json())
    else:
        with telling_at(now):
            print_trimmed(stdout(), tree_of(story))


def _data(doc: dict[str, Any]) -> dict[str, Any]:
    """The view, with instants as RFC 3339 and the explanation in its own words; its causes stand beside it."""
    named = {name: to_iso(doc[name]) for name in ("opened_at", "closed_at", "onset", "acted_at") if doc.get(name)}
    found = doc.get("explanation") or {}
    first = dict.fromkeys(("id", "opened_at", "closed_at", "pack", "status", "signal", "explanation", "lane"))
    explained = {"explanation": found.get("summary"), "verdict": found.get("verdict"), "causes": found.get("causes")}
    return {**first, "autonomous": False, **doc, **named, **explained}


def _print_incident(console: Console, doc: dict[str, Any]) -> None:
    """Two lines: the first to search in, the second to read."""
    status = doc["status"]
    style = "yellow" if status == "open" else "green" if status in GOOD else "red"
    head = Text.assemble((to_iso(doc["opened_at"]), "dim"), "  ", (doc["id"], "bold"), f"  {doc.get('pack', '?')}  ")
    console.print(head + Text(status, style), soft_wrap=True)
    print_hanging(console, Text("  "), Text(" · ".join(_told(doc))))


def _told(doc: dict[str, Any]) -> list[str]:
    signal, explanation = doc.get("signal"), doc.get("explanation")
    told = []
    if signal:
        what = f"{signal['pattern']} of {signal['measure']}"
        told.append(f"{what}: {signal['observed']:g} where {signal['expected']:.3g} expected")
    if explanation:
        told.append(unprefixed(explanation["summary"], explanation["verdict"]))
    if doc.get("lane"):
        told.append(f"lane {doc['lane']}, {'alone' if doc.get('autonomous') else 'not alone'}")
    return told or ["nothing is known of it yet"]
