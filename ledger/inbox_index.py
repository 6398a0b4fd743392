"""What of a subscription was seen within the horizon, in memory: sorted runs of 64-bit fingerprints."""

import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ledger.identity import DIGEST_BYTES, FORMER_DIGEST_BYTES
from ledger.records import joined
from ledger.sieve import Sieve

if TYPE_CHECKING:
    from ledger.inbox import InboxRow
    from ledger.sqlite import Transaction

INBOX_MAX_IDENTITIES = 10_000_000
"""Identities that a subscription remembers at most, whatever the horizon; each takes 32 bytes of memory."""
LOAD_IDENTITIES = 1_000_000
"""Identities that are read from the ledger at once."""
FAN_IN = 8
"""Runs of like length that are merged at once: each identity is moved once in eight times as many."""
FEW = 64
"""So few are compared sooner one by one."""
FEW_TO_SIFT = 8
"""So few are sifted sooner one by one."""
LOOSE_RUNS = 16
"""So many runs that were followed, and not merged, are reason to put the index in order."""

Former = Callable[[int], tuple[bytes, bytes, bytes]]
"""place in the batch -> (identity, digest) as ledgers of version 1 have them, and the digest as it is made now."""
Words = NDArray[np.uint64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Run:
    """Identities in the order of their first 64 bits. `number` counts a subscription's identities from 1 on."""

    high: Words
    low: Words
    number: Numbers
    digest: NDArray[np.void]

    @classmethod
    def of(cls, identities: bytes, digests: bytes, number: Numbers, digest_bytes: int = DIGEST_BYTES) -> "Run":
        words = np.frombuffer(identities, dtype=np.uint64).reshape(-1, 2)
        return cls(words[:, 0], words[:, 1], number, np.frombuffer(digests, dtype=f"V{digest_bytes}"))._sorted()

    @classmethod
    def merged(cls, runs: Sequence["Run"], floor: int) -> "Run":
        """One run of several, without what lies below `floor`."""
        kept = [run if run.number.min(initial=floor) >= floor else run._from(floor) for run in runs]
        return cls(
            np.concatenate([run.high for run in kept]),
            np.concatenate([run.low for run in kept]),
            np.concatenate([run.number for run in kept]),
            np.concatenate([run.digest for run in kept]),
        )._sorted()

    def _sorted(self) -> "Run":
        if len(self.high) < 2:
            return self
        return self._at(np.argsort(self.high, kind="stable"))  # stable: linear where it is sorted already

    def _from(self, floor: int) -> "Run":
        return self._at(np.flatnonzero(self.number >= floor))

    def _at(self, places: NDArray[np.intp]) -> "Run":
        return Run(self.high[places], self.low[places], self.number[places], self.digest[places])

    def find(self, high: Words, low: Words, floor: int) -> dict[int, bytes]:
        """place -> digest, of those that are in it with a number of `floor` or more."""
        found: dict[int, bytes] = {}
        if not len(self.high):
            return found
        at = np.minimum(np.searchsorted(self.high, high), len(self.high) - 1)
        for place in np.flatnonzero(self.high[at] == high).tolist():
            there = int(at[place])
            while there < len(self.high) and self.high[there] == high[place]:
                if self.low[there] == low[place] and self.number[there] >= floor:
                    found[place] = self.digest[there].tobytes()
                    break
                there += 1
        return found


@dataclass(frozen=True, slots=True)
class Added:
    """What one transaction adds to the inbox: so many identities, `upto` is the last one's number."""

    upto: int
    items: int
    run: Run


@dataclass(frozen=True, slots=True)
class Seen:
    """What was known of a subscription at one moment. `upto` is the number of the last identity in it."""

    subscription: str
    max_identities: int
    upto: int = 0
    floor: int = 1
    runs: tuple[Run, ...] = ()
    former: Run | None = None
    sieve: Sieve = field(default_factory=Sieve)

    def known(self, identities: Sequence[bytes], former: Former | None = None) -> dict[int, bytes]:
        """place -> the digest under which this identity was seen.

        `former` also finds what a ledger of version 1 knew; it is asked only while there are such rows.
        """
        found: dict[int, bytes] = {}
        if not identities:
            return found
        if (
            self.former is None
            and len(identities) <= FEW_TO_SIFT
            and all(map(self.sieve.lacks, map(_high, identities)))
        ):
            return found
        words = np.frombuffer(joined(identities), dtype=np.uint64).reshape(-1, 2)
        asked = self.sieve.may_hold(words[:, 0])
        if len(asked):
            order = asked[np.argsort(words[asked, 0])]  # neighbours lie in one corner of a run: three times as fast
            high, low = words[order, 0], words[order, 1]
            for run in self.runs:
                hits = run.find(high, low, self.floor)
                found |= {int(order[place]): digest for place, digest in hits.items()}
        if self.former is not None and former is not None:
            found |= _known_formerly(self.former, former, [n for n in range(len(identities)) if n not in found])
        return found


class InboxIndex:
    """A subscription's identities, as far as the ledger had them at the last `refresh`.

    Only what is committed is in it, so nothing has to be taken back when a transaction fails. Runs are merged when
    `FAN_IN` are of like length: the number of runs stays logarithmic. One index may serve all partitions of a process.
    """

    def __init__(self, subscription: str, *, max_identities: int = INBOX_MAX_IDENTITIES) -> None:
        if max_identities < 1:
            raise ValueError(f"max_identities: {max_identities}; at least 1")
        self.seen = Seen(subscription, max_identities)
        self._own: dict[int, Added] = {}
        self._busy = threading.Lock()
        self._swept, self._loose = 1, 0
        self._loaded = False

    def __len__(self) -> int:
        """Identities in memory, those among them that were pruned from the ledger meanwhile."""
        return sum(len(run.high) for run in self._all)

    @property
    def memory_bytes(self) -> int:
        """What the arrays take."""
        arrays = sum(run.high.nbytes + run.low.nbytes + run.number.nbytes + run.digest.nbytes for run in self._all)
        return arrays + self.seen.sieve.nbytes

    @property
    def _all(self) -> list[Run]:
        return [*self.seen.runs, *([self.seen.former] if self.seen.former else [])]

    @property
    def crowded(self) -> bool:
        """Whether so much was followed that the next `refresh` should not be far."""
        return self._loose >= LOOSE_RUNS

    def own(self, added: Added) -> None:
        """A batch that this process committed: nobody need read it from the ledger again."""
        self._own[added.upto - added.items] = added

    def follow(self) -> Seen:
        """Take in what this process committed since, without a look at the ledger, as far as it costs little.

        For batches between two `refresh`: nothing is merged, and nothing waits for another thread.
        """
        if self._busy.acquire(blocking=False):
            try:
                seen = self.seen
                while (own := self._own.get(seen.upto)) is not None and seen.sieve.has_room(own.items):
                    del self._own[seen.upto]
                    sieve = seen.sieve.grown((), own.run.high)
                    seen = replace(seen, upto=own.upto, runs=(*seen.runs, own.run), sieve=sieve)
                    self._loose += 1
                self.seen = seen
            finally:
                self._busy.release()
        return self.seen

    def refresh(self, tx: "Transaction") -> Seen:
        """Take in what was committed since, by whichever process, and leave out what was pruned. Only reads.

        What it returns does not change any more: look up in it, and hand it to `Inbox.add_batch`.
        """
        with self._busy:
            return self._refreshed(tx)

    def _refreshed(self, tx: "Transaction") -> Seen:
        seen = self.seen
        name, upto, runs, sieve = seen.subscription, seen.upto, list(seen.runs), seen.sieve
        floor = tx.inbox.first_number(name)
        while (after := self._after(tx, upto)) is not None:
            upto, run = after
            runs.append(run)
            sieve = sieve.grown((run.high for run in runs), run.high)
            _merge_alike(runs, floor)
        _merge_alike(runs, floor)
        if runs and floor - self._swept > (upto - self._swept) // 4:
            runs, self._swept = [Run.merged(runs, floor)], floor
        self._loose = 0
        self.seen = Seen(name, seen.max_identities, upto, floor, tuple(runs), self._former(tx), sieve)
        return self.seen

    def _after(self, tx: "Transaction", upto: int) -> tuple[int, Run] | None:
        """What comes behind a number, and the last number of it; None when that was all."""
        if (own := self._own.pop(upto, None)) is not None:
            return own.upto, own.run
        for passed in [number for number in list(self._own) if number < upto]:
            del self._own[passed]  # read from the ledger, with others' batches around it
        rows = tx.inbox.batches_after(self.seen.subscription, upto, LOAD_IDENTITIES)
        return (rows[-1].upto, run_of(rows)) if rows else None

    def _former(self, tx: "Transaction") -> Run | None:
        """Rows of version 1 are read once; they only become fewer."""
        former, name = self.seen.former, self.seen.subscription
        if self._loaded and (former is None or tx.inbox.has_former(name)):
            return former
        self._loaded = True
        identities, digests = tx.inbox.former(name)
        number = np.zeros(len(identities) // 16, dtype=np.int64)
        return Run.of(identities, digests, number, FORMER_DIGEST_BYTES) if identities else None


def _merge_alike(runs: list[Run], floor: int) -> None:
    while len(runs) >= FAN_IN and len(runs[-FAN_IN].high) < FAN_IN * len(runs[-1].high):
        runs[-FAN_IN:] = [Run.merged(runs[-FAN_IN:], floor)]


def _known_formerly(run: Run, former: Former, places: Sequence[int]) -> dict[int, bytes]:
    if not places:
        return {}
    asked = [former(place) for place in places]
    words = np.frombuffer(b"".join(identity for identity, _, _ in asked), dtype=np.uint64).reshape(-1, 2)
    hits = run.find(words[:, 0], words[:, 1], 0)
    return {places[hit]: asked[hit][2] if digest == asked[hit][1] else digest for hit, digest in hits.items()}


def _high(identity: bytes) -> int:
    """The first 64 bits, as numpy reads them."""
    return int.from_bytes(identity[:8], sys.byteorder)


def repeats(identities: Sequence[bytes]) -> bool:
    """Whether one of them is there twice."""
    if len(identities) <= FEW:
        return len(set(identities)) < len(identities)
    high = np.sort(np.frombuffer(joined(identities), dtype=np.uint64)[::2])
    return bool((high[1:] == high[:-1]).any()) and len(set(identities)) < len(identities)


def run_of(rows: "Sequence[InboxRow]") -> Run:
    """The identities of some of the ledger's batches."""
    identities = b"".join(row.identities for row in rows)
    numbers = [np.arange(row.upto - row.items + 1, row.upto + 1) for row in rows]
    return Run.of(identities, b"".join(row.digests for row in rows), np.concatenate(numbers))


def any_of(rows: Sequence["InboxRow"], identities: bytes) -> bool:
    """Whether any of these identities, one after the other, is in the rows."""
    words = np.frombuffer(identities, dtype=np.uint64).reshape(-1, 2)
    return bool(run_of(rows).find(words[:, 0], words[:, 1], 0))
