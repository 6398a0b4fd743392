"""A batch's identities, or its digests: one behind the other, without an object for each."""

from collections.abc import Iterable, Sequence
from typing import overload


class Records(Sequence[bytes]):
    """Byte strings of one `size`. `joined` is all of them, in order."""

    __slots__ = ("joined", "size")

    def __init__(self, joined: bytes, size: int) -> None:
        self.joined, self.size = joined, size

    def __len__(self) -> int:
        return len(self.joined) // self.size

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> "Records": ...
    def __getitem__(self, place: int | slice) -> "bytes | Records":
        every = range(len(self))[place]
        if isinstance(every, range):
            return self.only(every)
        return self.joined[every * self.size : (every + 1) * self.size]

    def only(self, places: Iterable[int]) -> "Records":
        """These alone, in the order given."""
        return Records(b"".join([self[place] for place in places]), self.size)


def joined(records: Sequence[bytes]) -> bytes:
    """All of them, one behind the other."""
    return records.joined if isinstance(records, Records) else b"".join(records)
