"""What of a subscription was seen within the horizon, in memory: sorted runs of 64-bit fingerprints."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ledger.identity import DIGEST_BYTES, FORMER_DIGEST_BYTES

if TYPE_CHECKING:
    from ledger.inbox import InboxRow
    from ledger.sqlite import Transaction

INBOX_MAX_IDENTITIES = 10_000_000
"""Identities that a subscription remembers at most, whatever the horizon; each takes 32 bytes of memory."""
LOAD_IDENTITIES = 1_000_000
"""Identities that are read from the ledger at once."""

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


class InboxIndex:
    """A subscription's identities, as far as the ledger had them at the last `refresh`.

    Only what is committed is in it, so nothing has to be taken back when a transaction fails. Runs are merged when they
    are of like length: the number of runs stays logarithmic.
    """

    def __init__(self, subscription: str, *, max_identities: int = INBOX_MAX_IDENTITIES) -> None:
        if max_identities < 1:
            raise ValueError(f"max_identities: {max_identities}; at least 1")
        self.subscription = subscription
        self.max_identities = max_identities
        self.seen = 0
        self._floor = self._swept = 1
        self._runs: list[Run] = []
        self._former: Run | None = None
        self._loaded = False

    def __len__(self) -> int:
        """Identities in memory, those among them that were pruned from the ledger meanwhile."""
        return sum(len(run.high) for run in self._runs) + (len(self._former.high) if self._former else 0)

    @property
    def memory_bytes(self) -> int:
        """What the arrays take."""
        runs = self._runs + ([self._former] if self._former else [])
        return sum(run.high.nbytes + run.low.nbytes + run.number.nbytes + run.digest.nbytes for run in runs)

    def refresh(self, tx: "Transaction") -> None:
        """Take in what was committed since, by whichever process, and leave out what was pruned. Only reads."""
        self._floor = tx.inbox.first_number(self.subscription)
        self._read_former(tx)
        while rows := tx.inbox.batches_after(self.subscription, self.seen, LOAD_IDENTITIES):
            self._runs.append(run_of(rows))
            self.seen = rows[-1].upto
            self._merge()
        if self._floor - self._swept > (self.seen - self._swept) // 4:
            self._runs = [Run.merged(self._runs, self._floor)] if self._runs else []
            self._swept = self._floor

    def known(self, identities: Sequence[bytes], former: Former | None = None) -> dict[int, bytes]:
        """place -> the digest under which this identity was seen.

        `former` also finds what a ledger of version 1 knew; it is asked only while there are such rows.
        """
        found: dict[int, bytes] = {}
        if not identities:
            return found
        words = np.frombuffer(b"".join(identities), dtype=np.uint64).reshape(-1, 2)
        order = np.argsort(words[:, 0])  # neighbours are found in the same corner of a run: three times as fast
        high, low = words[order, 0], words[order, 1]
        for run in self._runs:
            hits = run.find(high, low, self._floor)
            found |= {int(order[place]): digest for place, digest in hits.items()}
        if self._former is not None and former is not None:
            found |= self._known_formerly(self._former, former, [n for n in range(len(identities)) if n not in found])
        return found

    @staticmethod
    def _known_formerly(run: Run, former: Former, places: Sequence[int]) -> dict[int, bytes]:
        if not places:
            return {}
        asked = [former(place) for place in places]
        words = np.frombuffer(b"".join(identity for identity, _, _ in asked), dtype=np.uint64).reshape(-1, 2)
        hits = run.find(words[:, 0], words[:, 1], 0)
        return {places[hit]: asked[hit][2] if digest == asked[hit][1] else digest for hit, digest in hits.items()}

    def _read_former(self, tx: "Transaction") -> None:
        """Rows of version 1 are read once; they only become fewer."""
        if self._loaded and (self._former is None or tx.inbox.has_former(self.subscription)):
            return
        identities, digests = tx.inbox.former(self.subscription)
        number = np.zeros(len(identities) // 16, dtype=np.int64)
        self._former = Run.of(identities, digests, number, FORMER_DIGEST_BYTES) if identities else None
        self._loaded = True

    def _merge(self) -> None:
        while len(self._runs) > 1 and len(self._runs[-2].high) < 2 * len(self._runs[-1].high):
            self._runs[-2:] = [Run.merged(self._runs[-2:], self._floor)]


def run_of(rows: "Sequence[InboxRow]") -> Run:
    """The identities of some of the ledger's batches."""
    identities = b"".join(row.identities for row in rows)
    numbers = [np.arange(row.upto - row.items + 1, row.upto + 1) for row in rows]
    return Run.of(identities, b"".join(row.digests for row in rows), np.concatenate(numbers))
