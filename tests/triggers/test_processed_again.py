"""`processed` when a batch is done again: what it takes the second time is there too, and once."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from contracts import DAY, StreamSpec
from graphs.monitor import PartitionMonitor
from graphs.monitor.batch import Batch
from ledger import Transaction
from tests.graphs.plant import START, Plant, manifest
from tests.triggers.station import Station, open_station, reading

A_DAY = 24 * 60


@pytest.fixture
async def station(tmp_path: Path) -> AsyncIterator[Station]:
    pack = manifest()
    stream = StreamSpec.model_validate(pack.streams[0].model_dump(by_alias=True) | {"processed": "pumps.done"})
    plant = Plant(tmp_path / "home", pack.model_copy(update={"streams": (stream,)}))
    plant.clock.move_to(START + 100 * DAY)
    async with open_station(plant) as opened:
        yield opened


def closed_by_another(tx: Transaction) -> None:
    """Panes of two days, for this partition had ended: what lay too far ahead no longer does."""
    watermark = START + 2 * DAY
    clock = tx.docs.part_doc("plant", "pumps", "clock") or {}
    doc = clock | {"watermark": watermark, "closed_until": {"pressure": watermark}}
    tx.docs.put_monitor("plant", "pumps", {"clock": doc})


async def judged_twice(station: Station) -> tuple[list[str], list[str]]:
    """What is published of a batch that is judged otherwise the second time, and what is taken of it."""
    await station.publish(reading(0))
    await station.take(10)
    real, batches = station.ledger.transact, list[Any]()

    async def transact(label: str, work: Any) -> Any:
        if label == "intake":
            batches.append(work)
            if len(batches) == 1:
                await real("test:closing", closed_by_another)
        return await real(label, work)

    station.ledger.transact = transact  # type: ignore[method-assign]
    await station.publish(reading(1), reading(31 * A_DAY), reading(2))
    await station.intake.step(10)
    assert len(batches) == 2, "it was done again"
    letters = await station.ledger.read(lambda tx: tx.inbox.dead_letters(10))
    refused = {json.loads(letter.payload)["id"] for letter in letters}
    assert refused == {"p1-2"}, "it lies 30 days behind the one that is taken now"
    published = [json.loads(message.payload)["id"] for message in await station.received("pumps.done")]
    assert (await station.counters())["events"] == 3
    return published, ["p1-0", "p1-1", f"p1-{31 * A_DAY}"]


async def test_what_is_taken_the_second_time_is_published_too(station: Station) -> None:
    published, taken = await judged_twice(station)
    assert set(taken) <= set(published)
    assert len(published) == len(set(published)), "the difference, not all of it again"
    assert set(published) - set(taken) == {"p1-2"}, "what is published cannot be taken back"


async def test_a_batch_that_is_published_once_for_all_lacks_it(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""

    async def once(partition: PartitionMonitor, batch: Batch) -> None:
        assert partition.publish is not None
        assert batch.screened is not None
        if not batch.published:
            await partition.publish([batch.screened.events[row] for row in batch.taken])
            batch.published.update(batch.taken)

    monkeypatch.setattr("graphs.monitor.counting.process", once)
    published, taken = await judged_twice(station)
    assert not set(taken) <= set(published)
