"""How far a partition was read: it never goes back for what comes again, and begins anew with a log made anew."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.monitoring import Counted, Counter, Readings
from contracts import DAY, MINUTE, Event, encode_event
from graphs.monitor import PartitionMonitor, partition_lease, subscription_name
from graphs.monitor.batch import Batch
from graphs.screening import Incoming
from tests.graphs.plant import START, Plant

KINDS = ("good", "good", "good", "poison", "together", "ahead", "empty")
LATER = 1000 * MINUTE


class Bug(Exception):
    """Of ours."""


class StumblingCounter(Counter):
    """The counter with two bugs: a pump that it cannot count, and one that it can count by itself only."""

    def count(self, readings: Readings, *rest: Any, **options: Any) -> Counted:
        pumps = [pump for (pump,) in map(readings.fields(["pump"]), readings.data)]
        if "poison" in pumps or ("together" in pumps and len(pumps) > 1):
            raise Bug("a pump that nobody thought of")
        return super().count(readings, *rest, **options)


class Recorder(PartitionMonitor):
    """Notes each position that is committed."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.counter = StumblingCounter(self.pack.manifest, self.stream)
        self.positions: list[int] = []

    def committed(self, batch: Batch) -> None:
        super().committed(batch)
        self.positions.append(self.clock.position)


def message(position: int, kind: str = "good", *, log: int = 0, published: int | None = None) -> Incoming:
    """The message of a place in the log; `published` in microseconds from its usual time."""
    time = START + position * MINUTE + log * LATER
    data: dict[str, Any] = {"bar": 4.0, "pump": None if kind == "empty" else kind}
    event = Event(
        id=f"{log}-{position}", source="/plant", type="pump.read", time=time + (45 * DAY if kind == "ahead" else 0),
        data=data,
    )  # fmt: skip
    return Incoming("pumps", f"{log}:{position}", encode_event(event), publish_time=time + (published or 0),
                    position=position)  # fmt: skip


@asynccontextmanager
async def opened(plant: Plant) -> AsyncIterator[Recorder]:
    """The partition in a process of its own, which dies at the end."""
    process = plant.open()
    try:
        lease = await process._lease(partition_lease(subscription_name("plant", "pumps"), "pumps#0"))
        yield Recorder(process.services, process.pack, plant.pack.streams[0], "default", lease)
    finally:
        await process.close()


@contextmanager
def new_plant() -> Iterator[Plant]:
    with TemporaryDirectory() as folder:
        plant = Plant(Path(folder) / "home")
        plant.clock.move_to(START + 400 * DAY)
        yield plant


async def told(partition: PartitionMonitor) -> dict[str, Any]:
    """All that was counted and buried, but how often it came."""

    def read(tx: Any) -> dict[str, Any]:
        counters = tx.docs.counters()
        kept = {name: counters.get(f"monitor:plant:{name}", 0) for name in ("events", "unforeseen", "late")}
        return kept | {"letters": tx.inbox.dead_letter_count(), "clock": partition.clock.to_doc()}

    return await partition.services.ledger.read(read)


async def read_log(messages: Sequence[Incoming], batches: Sequence[tuple[int, bool]]) -> dict[str, Any]:
    """Batches of these sizes in turn. After each that says so, the process dies between commit and acknowledgement, so
    that what is in the next batch came before."""
    with new_plant() as plant:
        acked, turn = 0, 0
        while True:
            async with opened(plant) as partition:
                dies, reached = False, (await partition.restored()).position
                while acked < len(messages) and not dies:
                    size, dies = batches[turn % len(batches)] if turn < 3 * len(batches) else (len(messages), False)
                    turn += 1
                    await partition.take(messages[acked : acked + size])
                    assert [reached, *partition.positions] == sorted([reached, *partition.positions])
                    acked += 0 if dies else size
                if acked >= len(messages):
                    return await told(partition)


LOGS = st.lists(st.sampled_from(KINDS), min_size=1, max_size=14).filter(lambda kinds: kinds.count("poison") <= 4)
BATCHES = st.lists(st.tuples(st.integers(1, 14), st.booleans()), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None)
@given(LOGS, BATCHES)
async def test_deaths_before_the_acknowledgement_change_nothing(
    kinds: list[str], batches: list[tuple[int, bool]]
) -> None:
    messages = [message(place, kind) for place, kind in enumerate(["good", *kinds, "good"])]
    assert await read_log(messages, batches) == await read_log(messages, [(1000, False)])


HALVED = [message(n, {5: "ahead", 6: "poison", 10: "together"}.get(n, "good")) for n in range(12)]
"""Of the first nine one is buried as `unforeseen`, one as `future`; the twelve fail as a whole."""


async def test_a_batch_half_of_which_was_handled_is_not_judged_again() -> None:
    found = await read_log(HALVED, [(9, True), (12, False)])
    assert found == await read_log(HALVED, [(1, False)])
    assert (found["events"], found["unforeseen"], found["letters"]) == (10, 1, {"future": 1, "unforeseen": 1})


async def test_without_the_look_at_its_position_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.setattr("graphs.monitor.counting.handled", lambda *_: 0)
    found = await read_log(HALVED, [(9, True), (12, False)])
    assert found["unforeseen"] == 2


class BrokenCounter(Counter):
    """The counter with a bug that nothing gets past."""

    def count(self, readings: Readings, *rest: Any, **options: Any) -> Counted:  # noqa: ARG002
        raise Bug("whatever comes")


async def test_a_fault_on_nothing_but_what_was_handled_is_nobodys() -> None:
    with new_plant() as plant:
        async with opened(plant) as partition:
            await partition.take([message(n) for n in range(3)])
            before = await told(partition)
            partition.counter = BrokenCounter(partition.pack.manifest, partition.stream)
            with pytest.raises(Bug, match="whatever comes"):
                await partition.take([message(n) for n in range(3)])
            await partition.restored()
            assert await told(partition) == before


async def out_of_order() -> int:
    """A broker that begins again within a batch."""
    with new_plant() as plant:
        async with opened(plant) as partition:
            await partition.take([message(n) for n in range(9)])
            await partition.take([message(9), message(10), message(6), message(7)])
            return partition.clock.position


async def test_what_comes_again_behind_what_is_new_does_not_lower_the_position() -> None:
    assert await out_of_order() == 10


async def test_it_would_if_the_last_message_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.setattr("graphs.monitor.batch._came", lambda *_: False)
    assert await out_of_order() == 7


@pytest.mark.parametrize("size", [1, 2, 3, 20])
@pytest.mark.parametrize("kinds", [("good", "good"), ("poison", "good"), ("together", "good"), ("poison", "together")])
async def test_a_log_that_was_made_anew_begins_with_low_positions(size: int, kinds: tuple[str, str]) -> None:
    new = [message(place, kind, log=1) for place, kind in enumerate([*kinds, *["good"] * 8])]
    with new_plant() as plant:
        async with opened(plant) as partition:
            await partition.take([message(n) for n in range(20)])
            for first in range(0, len(new), size):
                await partition.take(new[first : first + size])
            found = await told(partition)
            assert found["events"] + found["unforeseen"] == 20 + len(new)
            assert partition.clock.position == new[-1].position


@pytest.mark.parametrize("first", ["good", "poison", "together"])
async def test_nothing_of_a_new_log_is_lost_to_a_sender_whose_clock_is_behind(first: str) -> None:
    """Its second message says that it was published before the last one of the log that is gone."""
    new = [message(0, first, log=1), message(1, log=1, published=-LATER), message(2, log=1)]
    with new_plant() as plant:
        async with opened(plant) as partition:
            await partition.take([message(n) for n in range(20)])
            await partition.take(new)
            found = await told(partition)
            assert found["events"] + found["unforeseen"] == 20 + len(new)
            assert partition.clock.position == 2
