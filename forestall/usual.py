"""How a home's service was run last, noted by it: its broker and its packs, for whoever asks or goes on later."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from contracts import Contract
from forestall.errors import UsageError
from forestall.home import MARKER, home_option, now_in, story_in
from forestall.settings import Settings
from governance import frozen
from ledger import Transaction

NOTE = "usual"
_WORDS = {"embedded": "the home's own log", "pulsar": "Pulsar"}


class Usual(Contract):
    """`url` is what was set; None: the home's own log, or its `forestall dev pulsar`. `packs`: where each name lies."""

    broker: Literal["embedded", "pulsar"]
    url: str | None = None
    packs: Mapping[str, str] = {}


def note_usual(tx: Transaction, settings: Settings, *, pulsar: bool, packs: Mapping[str, str]) -> None:
    """Keep it; packs of other processes of this home stay known. Written only where it is new."""
    before = usual_in(tx)
    known = dict(before.packs) if before else {}
    places = {name: _place(where) for name, where in packs.items()}
    url = settings.pulsar_url if pulsar else None
    now = Usual(broker="pulsar" if pulsar else "embedded", url=url, packs=known | places)
    if now != before:
        tx.docs.set_switch(NOTE, now.to_json())


def assert_as_usual(tx: Transaction, settings: Settings, *, pulsar: bool, now: int) -> None:
    """A home is read from one broker: partitions and leases are that one's. (One Pulsar may have several addresses.)

    Raises:
        UsageError: a service that runs here reads from the other kind, or the last one did and none was named now.
    """
    usual, kind = usual_in(tx), "pulsar" if pulsar else "embedded"
    if usual is None or usual.broker == kind:
        return
    there, add = _WORDS[usual.broker], f"--broker {usual.broker}"
    if usual.url is not None:
        there, add = f"Pulsar at {usual.url}", f"FORESTALL_PULSAR_URL={usual.url}"
    if watching := watching_in(tx, now):
        raise UsageError(
            f"{settings.home}: {watching[0]} reads it from {there}, and this would read from {_WORDS[kind]}",
            f"Give {add}, or another home with --home, or stop {watching[0]} first.",
        )
    if settings.broker is None and not pulsar:
        raise UsageError(
            f"{settings.home}: was read from {there} last, and no broker is named now",
            f"Give {add}, or --broker embedded for the home's own log.",
        )


def usual_in(tx: Transaction) -> Usual | None:
    """None: no service ran here."""
    found: Any = tx.docs.switch(NOTE)
    return None if found is None else Usual.model_validate(found)


def as_usual(settings: Settings, usual: Usual | None) -> Settings:
    """The settings, and where they name no broker or no address the one that the service used."""
    if usual is None or usual.broker != "pulsar" or settings.pulsar_url is not None or settings.broker == "embedded":
        return settings
    return settings.model_copy(update={"broker": "pulsar", "pulsar_url": usual.url})


def goes_on(home: Path, tx: Transaction, pack: str) -> str:
    """Who takes an incident of this pack from here when a person has said something."""
    story = story_in(home) if (home / MARKER).is_file() else None
    if story is not None:
        return f"It goes on with: forestall demo {story['scenario']} --resume --dir {shlex.quote(str(home))}"
    if frozen(tx) is not None:
        return f"All effects are frozen; it goes on after: forestall thaw{home_option(home)}"
    watching = watching_in(tx, now_in(home, tx))
    if watching:
        return f"The running forestall run ({watching[0]}) goes on with it"
    return f"It goes on with: {run_command(tx, pack, home_option(home))}"


def watching_in(tx: Transaction, now: int) -> list[str]:
    """The services that run on this home now."""
    return [lease.owner for lease in tx.leases.all() if lease.name.startswith("worker:") and lease.until >= now]


def run_command(tx: Transaction, pack: str, option: str) -> str:
    """The `forestall run` that goes on with this pack as before; `option` names the home."""
    usual = usual_in(tx)
    where = usual.packs.get(pack, pack) if usual else pack
    broker = " --broker pulsar" if usual and usual.broker == "pulsar" else ""
    return f"forestall run --pack {place_told(where)}{broker}{option}"


def place_told(where: str) -> str:
    """Ready to be pasted here: a path below the working folder without what leads to it."""
    path = Path(where)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        where = os.path.join(".", os.path.relpath(path))
    return shlex.quote(where)


def _place(where: str) -> str:
    """A path, whole, so that it holds in every folder; an installed pack's name stays one."""
    path = Path(where)
    is_pack = path.is_file() or (path / "pack.yaml").is_file()
    return str(path.absolute()) if is_pack else where
