"""`forestall emit` at the command line."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from contracts import decode_event
from forestall.brokers import open_broker
from forestall.cli.app import run
from forestall.settings import Settings
from triggers.brokers import Message
from triggers.clock import WallClock

Capture = pytest.CaptureFixture[str]
MAPPING = "topic: parcels\ntype: parcel.returned\ntime: at\nfields: {parcel: parcel, depot: depot}\n"
STREAMS = """\
pack: scans
title: Scans
streams:
  - topic: scans
    mapping: {type: scan, time: at, key: parcel, fields: {parcel: parcel, depot: depot}}
  - topics: "late\\\\..*"
    mapping: {type: late, time: {publish: true}, fields: {parcel: parcel}}
measures:
  - {name: scans, title: Scans, of: [scan]}
detectors:
  - {name: spike, measure: scans, kind: count}
"""


def written(folder: Path, rows: int = 3) -> Path:
    file = folder / "rows.csv"
    lines = [f"p{row},N,2026-03-01T00:{row // 60 % 60:02}:{row % 60:02}Z" for row in range(rows)]
    file.write_text("\n".join(["parcel,depot,at", *lines]) + "\n")
    (folder / "mapping.yaml").write_text(MAPPING)
    return file


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans/pack.yaml").write_text(STREAMS)
    return tmp_path / "scans"


def emit(file: Path, *options: str) -> int:
    return run(["emit", str(file), "--home", str(file.parent / "home"), *options])


def test_a_topic_that_is_made_and_nearly_another_one_is_told(tmp_path: Path, capsys: Capture) -> None:
    file = written(tmp_path)
    for topic, told in (("parcels", False), ("parcel", True), ("parcel", False), ("orders", False)):
        assert emit(file, "--raw", "--topic", topic) == 0
        said = "topic parcel was not there and is made; did you mean parcels?" in capsys.readouterr().err
        assert said == told


def messages(file: Path, topic: str) -> list[Message]:
    async def read() -> list[Message]:
        broker = await open_broker(Settings(home=file.parent / "home"), WallClock())
        try:
            consumer = await broker.subscribe(topic, "test")
            found: list[Message] = []
            while batch := await consumer.receive(10_000, wait=False):
                found += batch
            return found
        finally:
            await broker.close()

    return asyncio.run(read())


def told(capsys: Capture) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_what_was_published_is_not_published_again_unless_it_is_asked_for(tmp_path: Path, capsys: Capture) -> None:
    file = written(tmp_path)
    by_map = ["--map", str(tmp_path / "mapping.yaml")]
    assert emit(file, *by_map) == 0
    assert "3 events published to parcels, of 3 rows, to the embedded broker of " in capsys.readouterr().out
    assert emit(file, *by_map) == 0
    assert "Nothing to do: 3 rows went to parcels before, to the embedded broker of " in capsys.readouterr().out
    assert emit(file, *by_map, "--restart", "--json") == 0
    assert told(capsys)["published"] == 3
    assert emit(file, *by_map, "--topic", "others", "--json") == 0
    assert told(capsys) | {"seconds": 0} == {
        "broker": f"the embedded broker of {file.parent / 'home'}",
        "topic": "others", "rows": 3, "published": 3, "left_out": 0, "bad": [], "earlier": 0, "seconds": 0,
    }  # fmt: skip
    assert [decode_event(each.payload).id for each in messages(file, "parcels")] == [
        "rows.csv:1", "rows.csv:2", "rows.csv:3",
    ] * 2  # fmt: skip


def test_rows_go_as_they_are_to_the_pack_that_maps_them(scans: Path, tmp_path: Path, capsys: Capture) -> None:
    file = written(tmp_path)
    assert emit(file, "--pack", str(scans)) == 0
    assert "3 messages published to scans, of 3 rows, to the embedded broker of " in capsys.readouterr().out
    found = messages(file, "scans")
    assert [(each.key, json.loads(each.payload)) for each in found[:1]] == [
        ("p0", {"parcel": "p0", "depot": "N", "at": "2026-03-01T00:00:00Z"})
    ]
    assert emit(file, "--pack", str(scans), "--topic", "late.north") == 0
    capsys.readouterr()
    assert run(["run", "--pack", str(scans), "--until-idle", "--json", "--home", str(tmp_path / "home")]) == 0
    assert told(capsys)["events"] == 6


def test_rows_go_as_they_are_to_a_topic(tmp_path: Path, capsys: Capture) -> None:
    file = written(tmp_path)
    assert emit(file, "--raw", "--topic", "any", "--subscription", "mine") == 0
    assert capsys.readouterr().err == ""
    assert [each.key for each in messages(file, "any")] == [None] * 3


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        ([], 2, "what a row becomes is not said"),
        (["--raw"], 2, "what a row becomes is not said"),
        (["--map", "none.yaml"], 3, "none.yaml: no such file"),
        (["--raw", "--topic", "any", "--speed", "60x"], 2, "nothing tells when a row's event happened"),
        (["--map", "MAP", "--speed", "fast"], 2, "--speed: 'fast' is no speed"),
        (["--map", "MAP", "--speed", "0x"], 2, "--speed: '0x' is no speed"),
        (["--map", "MAP", "--pack", "PACK", "--topic", "scans"], 2, "whose messages the pack maps itself"),
        (["--pack", "PACK", "--topic", "others"], 2, "what a row becomes is not said"),
    ],
)
def test_what_does_not_fit_is_told(
    scans: Path, tmp_path: Path, capsys: Capture, options: list[str], code: int, says: str
) -> None:
    file = written(tmp_path)
    places = {"MAP": str(tmp_path / "mapping.yaml"), "PACK": str(scans)}
    assert emit(file, *(places.get(each, each) for each in options)) == code
    assert says in capsys.readouterr().err
    assert not (tmp_path / "home/broker.db").exists()


def test_a_pack_that_does_not_read_the_topic_is_told(scans: Path, tmp_path: Path, capsys: Capture) -> None:
    file = written(tmp_path)
    assert emit(file, "--map", str(tmp_path / "mapping.yaml"), "--pack", str(scans)) == 0
    assert (
        "Warning: the packs read scans, late\\..*, so perhaps nobody reads parcels."
        in capsys.readouterr().err.replace("\n", " ")
    )


@pytest.mark.acceptance
def test_killed_in_the_middle_it_goes_on_there(tmp_path: Path, capsys: Capture) -> None:
    """A real process, a real kill: nothing is lost, and at most one batch comes twice, with the same ids."""
    file = written(tmp_path, 60_000)
    options = ["emit", str(file), "--map", str(tmp_path / "mapping.yaml"), "--home", str(tmp_path / "home")]
    kept = tmp_path / "home/emit"
    kills = 0
    while kills < 3:
        process = subprocess.Popen([sys.executable, "-m", "forestall", *options], stdout=subprocess.DEVNULL)
        before = _rows(kept)
        while _rows(kept) < before + 2000 and process.poll() is None:
            os.sched_yield()
        assert process.poll() is None, "it ended before it could be killed"
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    assert 0 < _rows(kept) < 60_000
    assert run([*options, "--json"]) == 0
    assert told(capsys)["earlier"] >= 6000
    found = Counter(decode_event(each.payload).id for each in messages(file, "parcels"))
    assert set(found) == {f"rows.csv:{row}" for row in range(1, 60_001)}
    assert sum(found.values()) - 60_000 <= kills * 1000


def _rows(kept: Path) -> int:
    for each in kept.glob("*.json"):
        return int(json.loads(each.read_text())["rows"])
    return 0


@pytest.mark.parametrize(("good", "code"), [(1, 0), (0, 3)])
def test_where_no_row_is_good_the_exit_code_says_so(tmp_path: Path, good: int, code: int, capsys: Capture) -> None:
    file = written(tmp_path, good)
    file.write_text(file.read_text() + "p8,N,yesterday\np9,N,tomorrow\n")
    assert emit(file, "--map", str(tmp_path / "mapping.yaml"), "--json") == code
    found = told(capsys)
    assert (found["published"], found["left_out"]) == (good, 2)
