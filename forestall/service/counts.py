"""What a home's monitors have counted."""

from collections.abc import Mapping
from typing import Any

from forestall.reflexes import OUTCOMES
from ledger import Transaction

COUNTED = ("events", "duplicates", "filtered", "late", "signals")


def counts(tx: Transaction) -> dict[str, int]:
    """Sums over packs of what the monitors counted, the dead letters by reason, and incidents."""
    found = dict.fromkeys(COUNTED, 0)
    for name, number in tx.docs.counters().items():
        what = name.rpartition(":")[2]
        if name.startswith("monitor:") and what in found:
            found[what] += number
    for name, number in tx.docs.counters().items():
        kind, _, rest = name.partition(":")
        if kind == "reflex" and (what := rest.rpartition(":")[2]) in OUTCOMES:
            found[f"reflex:{what}"] = found.get(f"reflex:{what}", 0) + number
    dead = {f"dead:{code}": number for code, number in tx.inbox.dead_letter_count().items()}
    return found | dead | {"incidents": len(tx.incidents.all())}


def summary_of(tx: Transaction, before: Mapping[str, int]) -> dict[str, Any]:
    """What came since `before`, and what is still open."""
    new = {name: number - before.get(name, 0) for name, number in counts(tx).items()}
    dead = {name.removeprefix("dead:"): number for name, number in new.items() if name.startswith("dead:") and number}
    kept = {name: number for name, number in new.items() if ":" not in name}
    heeded = {name.removeprefix("reflex:"): n for name, n in new.items() if name.startswith("reflex:") and n}
    return kept | {"reflexes": heeded, "dead_letters": dead, "open": [run.thread for run in tx.runs.unfinished()]}
