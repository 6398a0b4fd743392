"""`forestall backtest` at the command line: what it prints, and what it says of bad input."""

import asyncio
import json
import logging
import re
from pathlib import Path

import pytest

from contracts import Event, encode_event
from forestall.backtest import quiet
from forestall.backtest.letters import Letters
from forestall.brokers import BROKER_FILE
from forestall.cli.app import run
from tests.forestall.backtests import PARCELS, parcels_events, write_lines
from triggers.brokers import EmbeddedBroker, Outgoing
from triggers.clock import WallClock

PACK = str(PARCELS)
MAPPED = """\
pack: orders
title: Orders as they are
streams:
  - topic: shop.orders
    mapping:
      type: order.placed
      time: created_at
      fields: {order: id, shop: shop.name}
measures:
  - {name: orders, title: Orders, of: [order.placed], pane: 15m}
detectors:
  - {name: orders_drop, measure: orders, kind: count}
"""
ROWS_MAP = """\
topic: parcels
type: parcel.returned
source: /rows
id: row-{row}
time: {column: at, zone: UTC}
fields: {parcel: parcel, depot: depot}
"""


@pytest.fixture(autouse=True)
def _there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def history(tmp_path: Path) -> str:
    return str(write_lines(tmp_path / "parcels.jsonl", parcels_events()))


def _backtest(*arguments: str) -> int:
    return run(["backtest", *arguments])


@pytest.mark.parametrize("columns", [80, 120])
def test_it_reads_well_at_either_width(
    history: str, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert _backtest(PACK, "--from", history, "--html", "page.html") == 0
    told = capsys.readouterr().out
    assert max(map(len, told.splitlines())) <= columns
    for words in ("Parcels that come back", "spike of returns", "depot = east", "ask a person to approve", "page.html"):
        assert words in " ".join(told.split())
    assert "1 request for approval" in " ".join(told.split())
    assert Path("page.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(("days", "told"), [(1, "too_many_returns to the end: counts take"), (8, None)])
def test_a_detector_that_was_learning_for_long_is_named(
    days: int, told: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_lines(tmp_path / "parcels.jsonl", parcels_events(days=days))
    assert _backtest(PACK, "--from", str(file)) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert ("learning" in said) == (told is not None)
    assert (told or "") in said


def test_the_json_has_the_documented_shape(history: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _backtest(PACK, "--from", history, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told) == [
        "pack",
        "source",
        "span",
        "rows",
        "counts",
        "incidents_per_week",
        "dead_letters",
        "incidents",
        "signals",
        "series",
        "series_left_out",
        "wall",
    ]
    [incident] = told["incidents"]
    assert incident["opened_at"].startswith("2026-03-03T")
    assert incident["signal"]["pattern"] == "spike"
    assert "depot = east" in incident["explanation"]
    assert incident["cause"] == {"depot": "east"}
    assert incident["would_do"]["ruling"] == "approve"
    assert told["counts"]["approvals"] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["nobody", "--from", "parcels.jsonl"], 3, "nobody"),
        ([PACK, "--from", "gone.jsonl"], 3, "gone.jsonl: no such file"),
        ([PACK, "--from", "parcels.jsonl", "--since", "2026-03-02", "--until", "2026-03-01"], 2, "is not before"),
        ([PACK, "--from", "parcels.jsonl", "--since", "yesterday"], 2, "--since yesterday: is no time"),
        ([PACK, "--from", "parcels.jsonl", "--since", "2030-01-01"], 3, "no event lies in the span"),
        ([PACK, "--from", "parcels.jsonl", "--map", "gone.yaml"], 3, "gone.yaml: no such file"),
        ([PACK, "--from", "parcels.jsonl", "--html", "no/where.html"], 3, "there is no folder no"),
        ([PACK, "--from", "topic:", "--json"], 2, "names no topic"),
        ([PACK, "--from", "topic:parcels"], 3, "nothing was ever published here"),
        ([PACK, "--from", "topic:parcels", "--map", "x.yaml"], 2, "--map: is for files"),
        ([PACK, "--from", "table.csv"], 2, "a table holds no events"),
        ([PACK, "--from", "notes.txt"], 3, "unknown format"),
        ([PACK, "--from", "empty.jsonl"], 3, "there is no event in it"),
    ],
)
def test_bad_input_is_named(
    history: str,  # noqa: ARG001
    arguments: list[str],
    code: int,
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("table.csv", "notes.txt", "empty.jsonl"):
        Path(name).write_text("" if name.startswith("empty") else "at,parcel\n")
    assert _backtest(*arguments) == code
    assert told in " ".join(capsys.readouterr().err.split())


def _table(*bad: str) -> None:
    rows = [f"{_iso(each)},{each.data['parcel']},{each.data['depot']}" for each in parcels_events(days=1)]
    Path("rows.csv").write_text("\n".join(["at,parcel,depot", *rows[:10], *bad, *rows[10:]]) + "\n")


def _iso(event: Event) -> str:
    return str(json.loads(encode_event(event))["time"]).removesuffix("Z")


def test_rows_that_cannot_be_read_are_counted_with_line_and_column(capsys: pytest.CaptureFixture[str]) -> None:
    _table("soon,P9,north", "2026-03-01T01:00:00,P8", "2026-03-01T01:00:00,,north")
    Path("rows.yaml").write_text(ROWS_MAP)
    assert _backtest(PACK, "--from", "rows.csv", "--map", "rows.yaml", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["rows"]["left_out"] == 3
    assert [(row["line"], row["column"]) for row in told["rows"]["bad"]] == [(12, "at"), (13, None), (14, "parcel")]
    assert told["counts"]["events"] == told["rows"]["read"] - 3


def test_a_mapping_with_a_mistake_is_told_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    _table()
    Path("rows.yaml").write_text(ROWS_MAP.replace("column: at", "column: when"))
    assert _backtest(PACK, "--from", "rows.csv", "--map", "rows.yaml") == 3
    assert "rows.yaml:5" in capsys.readouterr().err


def test_a_pack_that_maps_its_stream_maps_rows_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / "pack.yaml").write_text(MAPPED)
    rows = [{"id": n, "created_at": _iso(each) + "Z", "shop": {"name": "x"}} for n, each in enumerate(parcels_events())]
    Path("orders.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert _backtest("orders", "--from", "orders.jsonl", "--json") == 0
    assert json.loads(capsys.readouterr().out)["counts"]["events"] == len(rows)


# Topics


def _publish(home: Path, topic: str, events: list[Event]) -> None:
    async def publish() -> None:
        broker = await EmbeddedBroker.open(home / BROKER_FILE, WallClock())
        try:
            for start in range(0, len(events), 500):
                batch = [Outgoing(encode_event(each), each.key) for each in events[start : start + 500]]
                await broker.publish(topic, batch)
        finally:
            await broker.close()

    home.mkdir(exist_ok=True)
    asyncio.run(publish())


async def _subscriptions(home: Path, topic: str, name: str) -> bool:
    broker = await EmbeddedBroker.open(home / BROKER_FILE, WallClock())
    try:
        await broker.backlog(topic, name)
    except Exception:
        return False
    finally:
        await broker.close()
    return True


def test_the_history_of_a_topic_gives_what_the_file_gives(
    history: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    _publish(home, "parcels", parcels_events())
    assert _backtest(PACK, "--from", history, "--json") == 0
    by_file = json.loads(capsys.readouterr().out)
    for source in ("topic", "topic:parcels"):
        assert _backtest(PACK, "--from", source, "--home", str(home), "--json") == 0
        by_topic = json.loads(capsys.readouterr().out)
        assert by_topic["incidents"] == by_file["incidents"]
        assert by_topic["counts"] == by_file["counts"]
    assert not asyncio.run(_subscriptions(home, "parcels", "forestall.parcels:parcels"))


def test_another_topic_of_the_same_events_is_played_as_the_packs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    _publish(home, "parcels.copy", parcels_events(days=1))
    assert _backtest(PACK, "--from", "topic:parcels.copy", "--home", str(home), "--json") == 0
    assert json.loads(capsys.readouterr().out)["counts"]["events"] == len(parcels_events(days=1))


def test_a_topic_that_is_gone_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "home"
    _publish(home, "something.else", parcels_events(days=1)[:3])
    assert _backtest(PACK, "--from", "topic:gone", "--home", str(home)) in (3, 5)
    assert "gone" in capsys.readouterr().err


def test_dead_letters_are_told_by_the_summary_and_not_by_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of forty batches with a dead letter each, which `run` tells one by one."""
    assert _backtest(PACK, "--from", str(_with_rubbish(tmp_path))) == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert "malformed: not a CloudEvents event" in told.out


def test_control_without_the_filter_the_log_tells_them_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(quiet, "_is_other", lambda _: True)
    assert _backtest(PACK, "--from", str(_with_rubbish(tmp_path))) == 0
    assert "Z warning: dead letters: 1, first: malformed" in capsys.readouterr().err


def _with_rubbish(tmp_path: Path) -> Path:
    lines: list[Event | bytes] = []
    for number, event in enumerate(parcels_events(days=1)[:200]):
        lines += [event, b"{}"] if number % 5 == 0 else [event]
    return write_lines(tmp_path / "parcels.jsonl", lines)


def test_control_other_warnings_are_told_as_run_tells_them(
    history: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def warning(*_: object) -> None:
        logging.getLogger("forestall.monitor").warning("the disk is full")

    monkeypatch.setattr(Letters, "_read", warning)
    assert _backtest(PACK, "--from", history) == 0
    [line] = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"\S+Z warning: the disk is full", line)


def test_what_was_noticed_says_over_which_time(history: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _backtest(PACK, "--from", history) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert re.search(r"spike of \w+: \d+ where [\d.]+ were expected within \d", told)
