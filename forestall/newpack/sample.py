"""A bounded sample of documents, from a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from forestall.newpack.errors import SampleFault
from triggers.emit import open_rows

FILE_ROWS = 100_000
"""Rows of a file that are looked at unless another number is asked for."""
FAULTS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Sample:
    """Documents in the order in which they came.

    `origin` names where they are from, as it was given. `topic` is theirs on the broker, None of a file.
    `published` are the broker's times (microseconds),
    `partitions` where each came from. `whole`: there was no more. `faults` tell of the first of the
    `fault_total` entries that could not be read.
    """

    origin: str
    topic: str | None
    documents: list[Mapping[str, object]]
    whole: bool = True
    faults: tuple[str, ...] = ()
    fault_total: int = 0
    published: Sequence[int] = ()
    format: Literal["json", "avro"] = "json"
    partitions: Sequence[int] = ()

    @property
    def named(self) -> str:
        """What it is from, without the folders of this machine."""
        return f"topic {self.topic}" if self.topic is not None else Path(self.origin).name

    @property
    def word(self) -> str:
        return "row" if self.topic is None else "message"


def read_file(path: Path, limit: int | None = None) -> Sample:
    """The first rows of a CSV or JSON lines file.

    Raises:
        FixFile: the file cannot be read, or its name tells no known format.
        SampleFault: no row of it can be read.
    """
    bound = FILE_ROWS if limit is None else limit
    documents: list[Mapping[str, object]] = []
    faults: list[str] = []
    with open_rows(path) as (_, rows):
        for row in islice(rows, bound):
            if row.fault is None:
                documents.append(row.values)
            else:
                faults.append(f"line {row.line}: {row.fault}")
        whole = next(rows, None) is None
    if not documents:
        raise SampleFault(nothing_in(str(path), faults, "row"))
    return Sample(str(path), None, documents, whole, tuple(faults[:FAULTS_SHOWN]), len(faults))


def nothing_in(origin: str, faults: list[str], word: str) -> str:
    """What to say of a sample in which nothing can be read."""
    if not faults:
        return f"{origin}: holds no {word}; a pack is drafted from at least one"
    told = "\n".join(faults[:FAULTS_SHOWN])
    return f"{origin}: none of its {len(faults):,} {word}s can be read:\n{told}"
