"""What people answer and grant: `approve`, `deny`, `grant`, `revoke`."""

import sys
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.text import Text

from contracts import DAY, ApprovalRequest, parse_duration
from forestall.cli.ledgers import LEDGER_FILE, change, find, find_incident, read
from forestall.cli.options import Home, Note, Person, Yes, settings
from forestall.cli.questions import confirm, os_user
from forestall.cli.reflexes import reflex_named
from forestall.cli.screen import print_hanging, stdout
from forestall.errors import UsageError
from forestall.home import home_option, now_in
from forestall.trace import at_stake, duration, moment, money, telling_at
from forestall.usual import goes_on, usual_in
from governance import Refused, answer, find_request, grant_reflex, grant_standing, revoke_standing
from ledger import ApprovalRow, Transaction

Name = Annotated[str, typer.Argument(help="The incident's or the request's whole id.")]
Verdict = Literal["approved", "denied"]
LONGEST = 3650 * DAY
"""How long a leave to act alone may last."""


def register(app: typer.Typer) -> None:
    app.command(help="Approve the plan that an incident waits with.")(approve)
    app.command(help="Deny it; the incident ends as denied.")(deny)
    app.command(help="Let what has worked in an incident act alone from now on.")(grant)
    app.command(help="Take such a leave back.")(revoke)


def approve(
    context: typer.Context, name: Name, person: Person = None, note: Note = "", yes: Yes = False, home: Home = None
) -> None:
    _give(context, name, "approved", person, note, yes, home)


def deny(
    context: typer.Context, name: Name, person: Person = None, note: Note = "", yes: Yes = False, home: Home = None
) -> None:
    _give(context, name, "denied", person, note, yes, home)


def _give(
    context: typer.Context, name: str, verdict: Verdict, person: str | None, note: str, yes: bool, home: Any
) -> None:
    folder, console = settings(context, home).home, stdout()
    who = os_user() if person is None else person
    row, now = read(folder, lambda tx: (_find_request(tx, name, folder), now_in(folder, tx)))
    with telling_at(now):
        show_request(console, row.request, now)
    if not yes:
        if not (sys.stdin.isatty() and console.is_terminal):
            raise UsageError(
                f"{row.request.incident_id}: not {verdict}: there is no terminal on which to ask whether that is meant",
                "Say --yes when it is.",
            )
        question = "Approve?" if verdict == "approved" else "Deny?"
        if not confirm(console, [], question):
            console.print("Nothing was changed.")
            return
    asked = row.request

    def give(tx: Transaction) -> str:
        found = find_request(tx, asked.id)
        now = now_in(folder, tx)
        answer(tx, found, verdict, nonce=asked.nonce, plan_digest=asked.plan_digest, person=who, now=now, note=note)
        return goes_on(folder, tx, asked.pack)

    then = change(folder, f"person:{verdict}", give)
    console.print(Text.assemble((f"{verdict.capitalize()} by {who}.", "bold"), f" {then}."), soft_wrap=True)


def _find_request(tx: Transaction, name: str, home: Path) -> ApprovalRow:
    """The open request that is meant; the error for any other is governance's own."""
    rows = tx.people.requests()
    known = {row.request.id for row in rows} | {row.request.incident_id for row in rows}
    return find_request(tx, find(name, sorted(known), "request", home=home, exact=True))


def show_request(console: Console, request: ApprovalRequest, now: int) -> None:
    """What approving would do, and why it is asked for."""
    console.print(Text.assemble((request.incident_id, "bold"), f" · {request.pack} · plan {request.template}"))
    for number, call in enumerate(request.summary.split("; "), 1):
        print_hanging(console, Text(f"  {number}. "), Text(call))
    left = duration(request.expires_at - now) if request.expires_at > now else "no time"
    rows = [
        ("asked", f"{moment(request.requested_at)}, until {moment(request.expires_at)} ({left} left)"),
        *(("because", reason) for reason in request.reasons),
    ]
    if at_stake(request.value_at_stake):
        rows.insert(0, ("at stake", f"{money(request.value_at_stake)}, at most {money(request.value_ceiling)}"))
    for label, told in rows:
        print_hanging(console, Text(f"  {label:<10}", "dim"), Text(told))


def grant(
    context: typer.Context,
    incident: Annotated[
        str, typer.Argument(help="An incident that an approved plan has resolved, or a reflex as PACK/REFLEX.")
    ],
    up_to: Annotated[str, typer.Option("--up-to", metavar="VALUE", help="The most that a plan may have at stake.")],
    lasting: Annotated[str, typer.Option("--for", metavar="DURATION", help="How long, such as 30d.")] = "30d",
    person: Person = None,
    home: Home = None,
) -> None:
    ceiling, length = _ceiling(up_to), _length(lasting)
    found, who = settings(context, home), os_user() if person is None else person
    folder = found.home
    reflex = reflex_named(incident, _places(folder)) if "/" in incident else None

    def give(tx: Transaction) -> Any:
        if reflex is not None:
            now = now_in(folder, tx)
            leave = grant_reflex(
                tx,
                *reflex[:2],
                value_ceiling=ceiling,
                expires_at=now + length,
                person=who,
                now=now,
                tenant=found.tenant,
            )
            with telling_at(now):
                return leave, moment(leave.expires_at)
        now, name = now_in(folder, tx), find_incident(tx, incident, folder, exact=True)
        given = grant_standing(tx, name, value_ceiling=ceiling, expires_at=now + length, person=who, now=now)
        with telling_at(now):
            return given, moment(given.expires_at)

    given, until = change(folder, "person:grant", give, make=reflex is not None)  # it may come before the first event
    if reflex is not None:
        stdout().print(Text(f"The rule: {reflex[2]}"), soft_wrap=True)
    stdout().print(
        Text.assemble(
            (f"{given.template} may act alone", "bold"),
            f" up to {money(given.value_ceiling)} until {until}, granted by {who}.\n"
            f"Take it back with: forestall revoke {given.id}{home_option(folder)}",
        ),
        soft_wrap=True,
    )


def _places(home: Path) -> Mapping[str, str]:
    """Where the packs lie that this home's service ran, by name."""
    if not (home / LEDGER_FILE).is_file():
        return {}
    usual = read(home, usual_in)
    return usual.packs if usual else {}


def _ceiling(text: str) -> Decimal:
    try:
        return Decimal(text.replace(",", ""))
    except InvalidOperation as error:
        raise UsageError(f"--up-to: {text!r} is no amount", "Write a number such as 5000 or 5000.00.") from error


def _length(text: str) -> int:
    try:
        length = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--for: {error}", "Write it such as 30d or 12h.") from error
    if length > LONGEST:
        raise UsageError(f"--for: {text} is longer than {LONGEST // DAY}d", "A leave that runs on for ever is none.")
    return length


def revoke(
    context: typer.Context,
    standing: Annotated[str, typer.Argument(help="The standing approval's whole id.")],
    person: Person = None,
    home: Home = None,
) -> None:
    folder, who = settings(context, home).home, os_user() if person is None else person

    def take_back(tx: Transaction) -> Any:
        known = [each.id for each in tx.people.standing()]
        found = find(standing, known, "standing approval", home=folder, exact=True)
        if any(each.id == found and each.revoked_at is not None for each in tx.people.standing()):
            raise Refused(f"{found}: was revoked already")
        return revoke_standing(tx, found, person=who, now=now_in(folder, tx))

    revoked = change(folder, "person:revoke", take_back)
    stdout().print(Text(f"{revoked.template} may not act alone any more, revoked by {who}.", "bold"))
