"""Any table of scalars yields a pack that loads and runs, or an error that names what is missing."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from contracts import SECOND
from forestall.errors import ForestallError
from forestall.newpack import (
    Sample,
    SampleFault,
    Wishes,
    pack_yaml,
    plan_pack,
    put_pack,
    try_out,
)
from triggers.clock import WallClock

NOW = 1_800_000_000 * SECOND
START = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = st.one_of(
    st.sampled_from(["at", "time", "status", "order_id", "value", "type", "a.b", "email", "Größe", "no", "{x}", "row"]),
    st.text(min_size=1, max_size=12),
)
TEXTS = st.one_of(
    st.sampled_from(["failed", "ok", "1", "0", "true", "12.5", "n/a", "2026-03-01", "C7", "007", "1e5", "yes"]),
    st.text(max_size=8),
)
SCALARS = st.one_of(
    TEXTS, st.integers(-(10**20), 10**20), st.booleans(), st.none(), st.decimals(allow_nan=False, allow_infinity=False)
)
TIMES = st.sampled_from(
    [
        lambda moment: moment.isoformat(),
        lambda moment: moment.strftime("%Y-%m-%d %H:%M:%S"),
        lambda moment: int(moment.timestamp()),
        lambda moment: int(moment.timestamp() * 1000),
        lambda moment: moment.strftime("%d.%m.%Y %H:%M"),
    ]
)


@st.composite
def tables(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Columns of values of few or many kinds, most often with a time among them."""
    names = draw(st.lists(NAMES, min_size=1, max_size=6, unique=True))
    rows = draw(st.integers(1, 60))
    columns = {name: draw(st.lists(SCALARS, min_size=1, max_size=5)) for name in names}
    table = [{name: values[row * 7 % len(values)] for name, values in columns.items()} for row in range(rows)]
    if draw(st.booleans()) or draw(st.booleans()):
        written, step = draw(TIMES), draw(st.integers(-3, 500))
        for row, document in enumerate(table):
            document[names[0]] = written(START + timedelta(minutes=row * step))
    return table


def _drafted(table: list[dict[str, Any]], folder: Path) -> str | None:
    """The pack's text, or None where an error named what is missing."""
    documents = [{name: value for name, value in each.items() if value not in (None, "")} for each in table]
    sample = Sample("table.csv", None, documents)
    try:
        plan = plan_pack(sample, "drafted", "drafted", Wishes(), NOW)
    except SampleFault as fault:
        named = fault
        plan = None
    if plan is None:
        assert "no column holds a time" in str(named)
        assert "--time" in named.next_step
        return None
    text = pack_yaml(plan)
    pack = put_pack(folder / "drafted", text)
    assert pack.manifest.mode == "observe"
    trial = asyncio.run(try_out(pack, plan, sample, WallClock()))
    dealt_with = trial.counts["events"] + trial.counts["duplicates"]
    dealt_with += sum(number for number, _ in trial.dead.values()) + sum(trial.faults.values())
    assert dealt_with == len(documents)
    return text


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@example([{"at": "2026-03-01", "x": "y"}])
@example([{"at": f"2026-03-01T00:{minute:02}:00Z"} for minute in range(60)])
@given(tables())
def test_any_table_of_scalars(tmp_path_factory: Any, table: list[dict[str, Any]]) -> None:
    _drafted(table, tmp_path_factory.mktemp("new"))


@settings(max_examples=60)
@given(tables())
def test_the_same_sample_gives_the_same_pack(table: list[dict[str, Any]]) -> None:
    sample = Sample("table.csv", None, table)
    try:
        texts = {pack_yaml(plan_pack(sample, "drafted", "drafted", Wishes(), NOW)) for _ in range(2)}
    except ForestallError:
        return
    assert len(texts) == 1
