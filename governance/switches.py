"""The safety catch: freeze and thaw all effects, and a pack's mode."""

from typing import Any, Literal, cast

from contracts import own_event
from governance.errors import Refused
from ledger import Routing, Transaction, record

Mode = Literal["observe", "act"]


def frozen(tx: Transaction) -> dict[str, Any] | None:
    """Who froze all effects, when and why; None when nothing is frozen."""
    return cast("dict[str, Any] | None", tx.docs.switch("freeze"))


def freeze(tx: Transaction, *, person: str, reason: str, now: int) -> None:
    """No tool is called from now on, commands in flight included."""
    tx.docs.set_switch("freeze", {"person": person, "reason": reason, "at": now})
    data = {"person": person, "reason": reason}
    record(tx, Routing(), own_event("effect.frozen", data, about=(now, person), time=now))


def thaw(tx: Transaction, *, person: str, now: int) -> None:
    """Let effects go on.

    Raises:
        Refused: nothing is frozen.
    """
    if frozen(tx) is None:
        raise Refused("nothing is frozen")
    tx.docs.set_switch("freeze", None)
    record(tx, Routing(), own_event("effect.thawed", {"person": person}, about=(now, person), time=now))


def mode_of(tx: Transaction, pack: str, declared: Mode) -> Mode:
    """What a person set for the pack, else what the pack declares."""
    found = tx.docs.switch(f"mode:{pack}")
    return found["mode"] if found else declared


def set_mode(tx: Transaction, pack: str, mode: Mode, *, person: str, now: int) -> None:
    """Let a pack act, or only observe; holds for incidents that are gated from now on."""
    tx.docs.set_switch(f"mode:{pack}", {"mode": mode, "person": person, "at": now})
    data = {"pack": pack, "mode": mode, "person": person}
    record(tx, Routing(), own_event("mode.changed", data, about=(pack, now, person), time=now))
