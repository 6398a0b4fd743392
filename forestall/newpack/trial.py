"""What a drafted pack would have noticed on the very sample: the backtest, over the documents in memory."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass

from agents.mapping import Fault, Mapper, Origin
from contracts import DEFAULT_TENANT, Clock, EventMapping, decode_event, encode_event
from forestall.backtest import Backtest, Options, Recorded, Rows, backtest
from forestall.newpack.documents import as_json
from forestall.newpack.plan import Plan
from forestall.newpack.sample import Sample
from forestall.packs import Pack

BATCH = 500


@dataclass(frozen=True, slots=True)
class Trial:
    """`faults` counts the documents that make no event, by the rule that they break."""

    found: Backtest
    faults: Mapping[str, int]

    @property
    def learning(self) -> bool:
        """Whether the sample ended before any detector knew what is normal."""
        return all(set(track.states) <= {"l"} for track in self.found.tracks)


async def try_out(pack: Pack, plan: Plan, sample: Sample, wall: Clock) -> Trial:
    """Play the sample through the pack, in a home that is thrown away.

    Raises:
        InputError: no document makes an event.
    """
    played = _Played(pack, plan, sample)
    found = await backtest(pack, played, Options(), wall)
    return Trial(found, dict(sorted(played.faults.items(), key=lambda each: (-each[1], each[0]))))


class _Played:
    """The sample as history. A file that is not in the order of time is sorted; a topic's order is the topic's."""

    def __init__(self, pack: Pack, plan: Plan, sample: Sample) -> None:
        [stream] = pack.manifest.streams
        self.name, self.rows = sample.named, Rows()
        self._topic = plan.topic
        self._sample, self._at = sample, plan.at
        self._sorted = plan.unsorted
        self._mapper = None if stream.mapping is None else _mapper(stream.mapping)
        self._faults: dict[str, int] = {}

    @property
    def faults(self) -> Mapping[str, int]:
        return self._faults

    async def batches(self) -> AsyncIterator[list[Recorded]]:
        order = range(len(self._sample.documents))
        rows = sorted(order, key=self._instant) if self._sorted else list(order)
        for start in range(0, len(rows), BATCH):
            chosen = rows[start : start + BATCH]
            batch = await asyncio.to_thread(self._recorded, chosen)
            self.rows = Rows(self.rows.read + len(chosen), self.rows.left_out + len(chosen) - len(batch))
            yield batch

    def _instant(self, row: int) -> int:
        return self._at[row] or 0

    def _recorded(self, rows: list[int]) -> list[Recorded]:
        return list(self._each(rows))

    def _each(self, rows: list[int]) -> Iterator[Recorded]:
        for row in rows:
            document = self._sample.documents[row]
            if self._mapper is None:
                payload = as_json(document)
                yield Recorded(self._topic, payload, None, self._at[row])
                continue
            published = self._sample.published[row] if self._sample.published else None
            made = self._mapper.map(document, Origin(self._topic, f"{row + 1}", row + 1, published))
            if isinstance(made, Fault):
                told = f"{made.field}: {made.rule}" if made.field else made.rule
                self._faults[told] = self._faults.get(told, 0) + 1
                continue
            payload = encode_event(made)
            yield Recorded(self._topic, payload, made.key, decode_event(payload).time)


def _mapper(mapping: EventMapping) -> Mapper:
    return Mapper(mapping, tenant=DEFAULT_TENANT)
