"""Interrupted anywhere and emitted again: nothing is lost, and at most one batch comes twice, with the same ids."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import EventMapping, decode_event
from triggers.brokers import Outgoing
from triggers.emit import EmitReport, FixFile, Pace, Plan, emit, find_position

MAPPING = EventMapping.model_validate({"type": "order", "time": "at", "fields": {"no": "no"}})
PLAN = Plan("orders", MAPPING)
BATCH = 4


class Frozen:
    def now(self) -> int:
        return 1


class Killed(BaseException):
    """Stands for a kill: nothing after it runs."""


class Memory:
    """A broker's one method that emit calls; dies in the course of a publish, before or after it counts."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.dies_at: int | None = None
        self.durable = False

    async def publish(self, topic: str, payloads: list[Outgoing]) -> list[str]:
        assert topic == "orders"
        dies, self.dies_at = self.dies_at == 0, None if self.dies_at in (0, None) else self.dies_at - 1
        if not dies or self.durable:
            self.ids += [decode_event(each.payload).id for each in payloads]
        if dies:
            raise Killed
        return []


def written(folder: Path, rows: int, bad: int | None = None) -> Path:
    source = folder / "orders.csv"
    lines = [f"{row},{'never' if row == bad else '2010-07-01T09:00:00Z'}" for row in range(1, rows + 1)]
    source.write_text("\n".join(["no,at", *lines]) + "\n")
    return source


async def run(home: Path, source: Path, broker: Any, plan: Plan = PLAN, **options: Any) -> EmitReport:
    position = find_position(home, source, plan, "embedded", **options)
    return await emit(source, plan, broker, Pace(None, Frozen()), position=position, batch=BATCH)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(0, 30),
    deaths=st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=4),
)
@pytest.mark.asyncio
async def test_killed_and_emitted_again(
    tmp_path_factory: pytest.TempPathFactory, rows: int, deaths: list[tuple[int, bool]]
) -> None:
    home = tmp_path_factory.mktemp("home")
    source, broker = written(home, rows, bad=3), Memory()
    died = 0
    for broker.dies_at, broker.durable in deaths:
        try:
            await run(home, source, broker)
        except Killed:
            died += broker.durable
    broker.dies_at = None
    await run(home, source, broker)
    found = Counter(broker.ids)
    assert set(found) == {f"orders.csv:{row}" for row in range(1, rows + 1) if row != 3}
    assert sum(found.values()) - len(found) <= died * BATCH
    again = await run(home, source, broker)
    assert (again.earlier, again.rows) == (rows, 0)


async def test_without_positions_it_would_all_come_twice(tmp_path: Path) -> None:
    """The control: the position is what keeps the first batches from coming again."""
    source, broker = written(tmp_path, 20), Memory()
    broker.dies_at = 3
    with pytest.raises(Killed):
        await run(tmp_path, source, broker)
    await run(tmp_path, source, broker, restart=True)
    assert max(Counter(broker.ids).values()) == 2
    assert sum(Counter(broker.ids).values()) == 12 + 20


async def test_a_report_tells_what_was_done_before(tmp_path: Path) -> None:
    source, broker = written(tmp_path, 20), Memory()
    broker.dies_at = 3
    with pytest.raises(Killed):
        await run(tmp_path, source, broker)
    report = await run(tmp_path, source, broker)
    assert (report.earlier, report.rows, report.published) == (12, 8, 8)


@pytest.mark.parametrize("what", ["content", "topic", "mapping", "name"])
async def test_what_differs_begins_at_the_beginning(tmp_path: Path, what: str) -> None:
    source, broker = written(tmp_path, 5), Memory()
    await run(tmp_path, source, broker)
    plan = PLAN
    if what == "content":
        source = written(tmp_path, 6)
    elif what == "name":
        source = source.rename(tmp_path / "others.csv")
    elif what == "mapping":
        plan = Plan("orders", MAPPING.model_copy(update={"key": "no"}))
    else:
        assert find_position(tmp_path, source, Plan("others", MAPPING), "embedded").rows == 0
        assert find_position(tmp_path, source, PLAN, "pulsar://other").rows == 0
        return
    assert (await run(tmp_path, source, broker, plan)).earlier == 0


async def test_a_position_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    source = written(tmp_path, 5)
    await run(tmp_path, source, Memory())
    (kept,) = (tmp_path / "emit").iterdir()
    kept.write_text("{}")
    with pytest.raises(FixFile, match="begin again with --restart"):
        await run(tmp_path, source, Memory())
    assert (await run(tmp_path, source, Memory(), restart=True)).published == 5
