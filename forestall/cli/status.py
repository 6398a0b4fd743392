"""`forestall status`: what runs, what waits, and whether it waits for you."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from contracts import SECOND, from_iso
from forestall.cli.broker_check import broker_state
from forestall.cli.ledgers import read
from forestall.cli.letters import how_many_unseen
from forestall.cli.options import AsJson, BrokerChoice, Home, settings
from forestall.cli.overview import Overview, overview
from forestall.cli.screen import plural, print_hanging, print_json, stdout
from forestall.cli.unattended import add_unattended
from forestall.home import MARKER, home_option, now_in
from forestall.trace import at_stake, duration, moment, money, telling_at
from forestall.usual import usual_in
from ledger import Transaction

HEEDED = {"observe": "would have acted", "refused": "was refused", "repeated": "was repeated", "stale": "came too late"}
"""What else became of the events that a reflex heeds."""


def register(app: typer.Typer) -> None:
    app.command(help="Tell what runs, what waits for whom, and what needs you.")(status)


def status(context: typer.Context, broker: BrokerChoice = None, home: Home = None, as_json: AsJson = False) -> None:
    given = settings(context, home, broker=broker)
    folder = given.home
    found, usual = read(folder, lambda tx: (_overview(tx, folder, given.tenant), usual_in(tx)))
    asked = None if (folder / MARKER).is_file() else broker_state(given, usual)
    found.broker = None if asked is None else asked.to_json()
    if asked is not None and asked.problem is not None:
        found.needs.insert(
            0, {"what": f"the broker, {asked.name}, cannot be used: {asked.problem}", "do": asked.remedy}
        )
    if as_json:
        print_json(asdict(found))
    else:
        _print(found)
    if asked is not None and asked.exit_code:
        raise typer.Exit(asked.exit_code)


def _overview(tx: Transaction, folder: Path, tenant: str) -> Overview:
    now = now_in(folder, tx)
    found = overview(tx, now, home_option(folder), tenant)
    add_unattended(found, tx, folder, now)
    return found


def _print(found: Overview) -> None:
    console = stdout()
    _print_needs(console, found)
    console.print()
    now = from_iso(found.now)
    with telling_at(now):
        for title, lines in _sections(found, now):
            _print_section(console, title, lines)


def _print_needs(console: Console, found: Overview) -> None:
    if not found.needs:
        console.print(Text("Nothing needs you.", "bold green"))
    for need in found.needs:
        print_hanging(console, Text("! ", "bold yellow"), Text(need["what"], "bold"))
        console.print(Text(f"  {need['do']}", "cyan"), soft_wrap=True)


def _print_section(console: Console, title: str, lines: Iterable[str]) -> None:
    for number, line in enumerate(lines):
        told = line.lstrip()
        indent = " " * (len(line) - len(told))
        print_hanging(console, Text(f"{title if number == 0 else '':<15}{indent}", "dim"), Text(told))


def _sections(found: Overview, now: int) -> list[tuple[str, list[str]]]:
    frozen = found.frozen
    dead = ", ".join(f"{number:,} {code}" for code, number in found.dead_letters.items())
    dead += how_many_unseen(found.dead_letters, sum(found.dead_letters_unseen.values()))
    return [
        ("frozen", [f"by {frozen['person']} since {_at(frozen['at'])}: {frozen['reason']}"] if frozen else []),
        ("running", _running(found.running) or ["nothing; forestall run starts the service"]),
        ("open", [line for each in found.incidents for line in _incident(each, now)] or ["no incident"]),
        ("asked", [line for each in found.requests for line in _request(each, now)]),
        ("in flight", [_command(each) for each in found.commands]),
        ("modes", [_mode(each) for each in found.modes]),
        ("may act alone", [_standing(each) for each in found.standing_approvals] or ["nothing"]),
        ("reflexes", [line for each in found.reflexes for line in _reflex(each)]),
        ("broker", _broker(found.broker)),
        ("dead letters", [dead or "none"]),
        ("too late", [f"{plural(found.late, 'event')} came when their pane was closed"] if found.late else []),
        ("to publish", [plural(found.outbox, "event")] if found.outbox else []),
    ]


def _at(iso: str) -> str:
    return moment(from_iso(iso))


def _running(leases: list[dict[str, Any]]) -> list[str]:
    """Who does what, by the leases that are held; partitions are counted."""
    read: Counter[tuple[str, str]] = Counter()
    lines = []
    for each in leases:
        kind, _, name = each["what"].partition(":")
        if kind == "relay":
            lines.append(f"publishing what is written (relay), by {each['owner']}")
        stream = name.removeprefix("forestall.")
        if kind == "combiner":
            lines.append(f"closing panes of {_stream(stream)}, by {each['owner']}")
        if kind == "partition":
            read[(_stream(stream.partition("#")[0]), each["owner"])] += 1
    return [f"reading {plural(n, 'partition')} of {what}, by {owner}" for (what, owner), n in read.items()] + lines


def _stream(name: str) -> str:
    pack, _, stream = name.partition(":")
    return f"{stream} for {pack}"


def _broker(found: dict[str, Any] | None) -> list[str]:
    """The home's own log is a file; what is wrong with it, who uses it is told."""
    if found is None or found["kind"] == "embedded":
        return []
    where = f"Pulsar at {found['address']}" if found["address"] else "Pulsar"
    if found["problem"] is not None:
        return [f"{where} cannot be used: {found['problem']}"]
    return [
        f"{where}, as the service uses it; from this shell: {found['hint']}" if found["hint"] else f"{where} answers"
    ]


def _reflex(each: dict[str, Any]) -> list[str]:
    counts = each["counts"]
    last = f", last on {_at(each['acted_at'])}" if each["acted_at"] else ""
    told = [f"acted {_times(counts['act'])}{last}"]
    told += [f"{word} {_times(counts[what])}" for what, word in HEEDED.items() if counts[what]]
    return [f"{each['pack']}/{each['name']}: {_may(each)}", f"  {each['rule']}", f"  {', '.join(told)}"]


def _may(each: dict[str, Any]) -> str:
    if each["may"] == "act":
        ceiling = f" up to {money(each['up_to'])}" if each["valued"] else ""
        return f"may act{ceiling} until {_at(each['until'])}; {each['reason']}"
    return "observes; it says what it would do" if each["may"] == "observe" else f"refused: {each['reason']}"


def _times(number: int) -> str:
    return "never" if number == 0 else plural(number, "time")


def _incident(each: dict[str, Any], now: int) -> list[str]:
    lines = [f"{each['id']} ({each['pack']}) since {_at(each['opened_at'])}: {each['summary']}"]
    if each["waits_for"]:
        waited = now - from_iso(each["waits_since"]) if each["waits_since"] else 0
        since = f", for {duration(waited)}" if waited >= SECOND else ""
        lines.append(f"  waits for {each['waits_for']}{since}")
    return lines


def _request(each: dict[str, Any], now: int) -> list[str]:
    expires = from_iso(each["expires_at"])
    left = f"{duration(expires - now)} left" if expires > now else "expired"
    value = at_stake(each["value_at_stake"])
    stake = f"{value}, at most {money(each['value_ceiling'])}; " if value else ""
    return [
        f"{each['incident']}: {each['would']}",
        f"  {stake}until {_at(each['expires_at'])} ({left})",
        f"  because {'; '.join(each['reasons'])}",
    ]


def _command(each: dict[str, Any]) -> str:
    owner = f" by {each['owner']}" if each["owner"] else ""
    status = "held by the freeze" if each["held"] else f"{each['status']}{owner}"
    return f"{each['id']} {each['tool']} of {each['incident']}: {status}, {plural(each['attempts'], 'attempt')}"


def _mode(each: dict[str, Any]) -> str:
    if each["mode"] is None:
        return f"{each['pack']}: as the pack declares"
    return f"{each['pack']}: may {each['mode']}, set by {each['set_by']} on {_at(each['set_at'])}"


def _standing(each: dict[str, Any]) -> str:
    until = f"until {_at(each['expires_at'])}, by {each['granted_by']}"
    return f"{each['template']} up to {money(each['value_ceiling'])} {until} ({each['id']})"
