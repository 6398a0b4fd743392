"""What waits for a service that does not run, and reflexes that lack a person's leave: both need somebody."""

import shlex
from pathlib import Path
from typing import Any

from forestall.cli.overview import Overview
from forestall.home import MARKER, home_option
from forestall.usual import run_command, watching_in
from ledger import Transaction

SHOWN = 3
SERVICE = "forestall run"


def add_unattended(found: Overview, tx: Transaction, home: Path, now: int) -> None:
    """Put it behind the other needs. A demo's home is played on, not run."""
    option = home_option(home)
    if not (home / MARKER).is_file() and not watching_in(tx, now):
        found.needs += _waiting(found, tx, option)
    found.needs += [
        _lacking(each, option) for each in found.reflexes if each["lacks_leave"] and each["counts"]["refused"]
    ]


def _waiting(found: Overview, tx: Transaction, option: str) -> list[dict[str, str]]:
    """Incidents that could go on at once; an approved plan is one."""
    ready = {run.thread for run in tx.runs.unfinished() if run.status == "runnable"}
    by_pack: dict[str, list[str]] = {}
    for each in found.incidents:
        if each["id"] in ready:
            each["waits_for"] = SERVICE
            by_pack.setdefault(each["pack"], []).append(each["id"])
    return [
        {
            "what": f"{_named(ids)} {'waits' if len(ids) == 1 else 'wait'} for {SERVICE}",
            "do": run_command(tx, pack, option),
        }
        for pack, ids in by_pack.items()
    ]


def _named(ids: list[str]) -> str:
    more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
    return ", ".join(ids[:SHOWN]) + more


def _lacking(each: dict[str, Any], option: str) -> dict[str, str]:
    number = each["counts"]["refused"]
    what = (
        f"{each['pack']}/{each['name']} was refused {'once' if number == 1 else f'{number:,} times'}: no leave to act"
    )
    most = "AMOUNT" if each["valued"] else "0"
    name = shlex.quote(f"{each['pack']}/{each['name']}")
    return {"what": what, "do": f"forestall grant {name} --up-to {most}{option}"}
