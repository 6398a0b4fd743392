"""One question to the ledger of a home, or one change in it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from forestall.errors import NotFound
from forestall.home import DEFAULT_HOME, home_option, make_home
from ledger import SqliteLedger, Transaction

Answer = TypeVar("Answer")
LEDGER_FILE = "ledger.db"
SHOWN = 5
BEGIN = "Name another home with --home, or begin: forestall run --pack PACK for your pack, or forestall demo retail."
REFLEX = "rfx-"
OF_NO_HOME = ("pack", "contract")
LISTED_BY = {
    "incident": "forestall incidents",
    "request": "forestall status",
    "standing approval": "forestall status",
    "command": "forestall status",
    "pack": "forestall packs",
    "contract": "forestall schema --list",
}


def read(home: Path, work: Callable[[Transaction], Answer]) -> Answer:
    """What `work` reads from a home's ledger, on one snapshot.

    Raises:
        NotFound: the home holds no ledger; none is made for a question.
        LedgerError: see `ledger.errors`.
    """
    return asyncio.run(_with(home, lambda ledger: ledger.read(work)))


def change(home: Path, label: str, work: Callable[[Transaction], Answer], *, make: bool = False) -> Answer:
    """Run `work` in one transaction on a home's ledger; raises as `read` does. `make`: one where there is none."""
    if make:
        make_home(home)
    return asyncio.run(_with(home, lambda ledger: ledger.transact(label, work), make=make))


async def _with(home: Path, use: Callable[[SqliteLedger], Awaitable[Answer]], *, make: bool = False) -> Answer:
    file = home / LEDGER_FILE
    if not make and not file.is_file():
        raise NotFound(f"{home}: holds no ledger", BEGIN)
    ledger = SqliteLedger(file)
    try:
        return await use(ledger)
    finally:
        await ledger.close()


def find_incident(tx: Transaction, name: str, home: Path, *, exact: bool = False, reflexes: bool = False) -> str:
    """The incident with this id, or unless `exact` the only one whose id begins so; with `reflexes` one of those too.

    Raises:
        NotFound: there is none, or more than one.
    """
    known = [doc["id"] for doc in tx.incidents.all()]
    if reflexes and name.startswith(REFLEX):
        known += tx.journal.incidents(REFLEX)
    return find(name, known, "incident", home=home, exact=exact)


def find(name: str, known: Iterable[str], what: str, *, home: Path = DEFAULT_HOME, exact: bool = False) -> str:
    """The known id that is meant by a name; `exact` where a wrong guess could let something happen.

    Raises:
        NotFound: none, or several; the message names near ones.
    """
    ids = list(known)
    option = home_option(home) if what not in OF_NO_HOME else ""
    if exact and name not in ids:
        raise _unknown(name, ids, what, option)
    begun = [each for each in ids if each == name] or [each for each in ids if each.startswith(name)]
    if len(begun) == 1:
        return begun[0]
    if begun:
        raise NotFound(f"{name}: {len(begun)} {what}s begin so: {', '.join(begun[:SHOWN])}", "Write more of the id.")
    raise _unknown(name, ids, what, option)


def _unknown(name: str, ids: list[str], what: str, option: str) -> NotFound:
    begun = [each for each in ids if name and each.startswith(name)]
    near = begun if len(begun) == 1 else get_close_matches(name, ids, n=1, cutoff=0.5)
    shown = ids if what == "contract" else ids[-SHOWN:]
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(shown)}" if ids else "there is none"
    return NotFound(f"{name}: no such {what}; {hint}", f"List what there is with {LISTED_BY[what]}{option}.")
