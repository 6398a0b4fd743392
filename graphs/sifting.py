"""What of a screened batch is new, what came before, and what reuses an id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphs.reading import Screened
from graphs.screening import Incoming, Screen
from ledger import DeadLetter, repeats


@dataclass(frozen=True, slots=True)
class Sifted:
    """Which events are new: their places in the columns, how many came before, and which reuse an id."""

    fresh: Sequence[int]
    duplicates: int
    dead: list[DeadLetter]


def sift(screened: Screened, known: Mapping[int, bytes], messages: Sequence[Incoming], now: int) -> Sifted:
    """`known`: `InboxIndex.known(screened.identities, screened.former)`. Of repetitions in a batch the first is new."""
    count = len(screened.identities)
    if not known and not repeats(screened.identities):
        return Sifted(range(count), 0, [])
    fresh: list[int] = []
    dead: list[DeadLetter] = []
    seen: dict[bytes, bytes] = {}
    for row, (identity, digest) in enumerate(zip(screened.identities, screened.digests, strict=True)):
        before = known.get(row, seen.get(identity))
        if before is None:
            seen[identity] = digest
            fresh.append(row)
        elif before != digest:
            id, source = screened.readings.ids[row], screened.sources[row]
            reason = f"id reused: {id!r} of {source} came before with other content"
            dead.append(Screen.dead(messages[screened.places[row]], "id_reused", reason, now))
    return Sifted(fresh, count - len(fresh) - len(dead), dead)
