"""From raw rows to commands: a pack maps, filters and enriches a topic, another one watches what comes out."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from contracts import decode_event
from evals.faults import CountingLedger, Crash
from forestall.bootstrap import open_app
from forestall.brokers import open_broker
from forestall.cli.app import run
from forestall.packs import load_pack
from forestall.settings import Settings
from triggers.brokers import Message
from triggers.clock import WallClock

Capture = pytest.CaptureFixture[str]
RAW = """\
pack: depots
title: What the depots scan
streams:
  - topic: depots.scans
    mapping:
      type: parcel.returned
      source: /depots
      id: "{scan.parcel}"
      time: {column: scan.at, zone: Europe/Berlin}
      key: scan.parcel
      fields:
        parcel: scan.parcel
        code: scan.code
        reason: {from: reason, optional: true}
    keep:
      - {field: reason, one_of: [returned, refused]}
    enrich:
      - {table: depots.csv, on: code, match: code, take: {depot: name}, missing: unknown}
    processed: parcels
measures:
  - {name: scans, title: Scans, of: [parcel.returned], dimensions: [depot]}
detectors:
  - {name: scans_spike, measure: scans, kind: count, opens_incident: false}
"""


@pytest.fixture
def depots(tmp_path: Path) -> Path:
    folder = tmp_path / "depots"
    folder.mkdir()
    (folder / "pack.yaml").write_text(RAW)
    (folder / "depots.csv").write_text("code,name\n1,N\n2,S\n")
    return folder


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Two days with a return an hour, then a burst at one depot; deliveries between them, and a row without a time."""
    scans: list[dict[str, Any]] = []
    for hour in range(48):
        at = f"2026-03-0{1 + hour // 24}T{hour % 24:02}:05:00"
        scans.append({"scan": {"parcel": f"p{hour}", "code": 1 + hour % 2, "at": at}, "reason": "returned"})
        scans.append({"scan": {"parcel": f"d{hour}", "code": 1, "at": at}, "reason": "delivered"})
    for number in range(60):
        at = f"2026-03-03T{number // 20:02}:{number % 20 * 3:02}:00"
        scans.append({"scan": {"parcel": f"b{number}", "code": 1, "at": at}, "reason": "refused"})
    scans.append({"scan": {"parcel": "lost", "code": 9}, "reason": "returned"})
    scans.append({"scan": {"parcel": "end", "code": 9, "at": "2026-03-03T12:00:00"}, "reason": "returned"})
    file = tmp_path / "scans.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in scans))
    return file


def printed(capsys: Capture) -> Any:
    return json.loads(capsys.readouterr().out)


def test_raw_rows_become_commands_over_a_processed_topic(
    depots: Path, parcels: Path, rows: Path, tmp_path: Path, capsys: Capture
) -> None:
    home, packs = str(tmp_path / "home"), ["--pack", str(depots), "--pack", str(parcels)]
    assert run(["emit", str(rows), *packs, "--home", home, "--json"]) == 0
    told = printed(capsys)
    assert (told["topic"], told["published"], told["left_out"]) == ("depots.scans", 157, 1)
    assert told["bad"] == [{"line": 157, "column": "scan.at", "value": None, "reason": "no value, but one is required"}]
    assert run(["run", *packs, "--until-idle", "--json", "--home", home]) == 0
    found = printed(capsys)
    assert (found["events"], found["dead_letters"], found["incidents"]) == (109 + 109, {}, 1)
    assert run(["incidents", "--json", "--home", home]) == 0
    (incident,) = printed(capsys)
    assert incident["pack"] == "parcels"
    assert "depot = N explains" in incident["explanation"]


class CrashesAtIntake(CountingLedger):
    """Dies before the commit of the first batch: what it published is there, what it counted is not."""

    async def transact(self, label: str, work: Any) -> Any:
        if "intake" in self.labels:
            raise Crash
        if label == "intake":
            self.labels.append(label)
            raise Crash
        return await super().transact(label, work)


async def processed(settings: Settings, *, crash: bool) -> tuple[list[Message], dict[str, int]]:
    """What the depots' pack published, and what it counted."""
    packs = [load_pack(each) for each in settings.packs]
    if crash:
        with pytest.raises(Crash):
            async with open_app(settings, packs, WallClock(), owner="one", wrap_ledger=CrashesAtIntake) as app:
                await app.worker.run_until_idle()
    async with open_app(settings, packs, WallClock(), owner="one") as app:
        await app.worker.run_until_idle()
        counters = await app.ledger.read(lambda tx: tx.docs.counters())
    broker = await open_broker(settings, WallClock())
    try:
        consumer = await broker.subscribe("parcels", "test")
        return await consumer.receive(10_000, wait=False), counters
    finally:
        await broker.close()


@pytest.mark.parametrize("crash", [False, True])
def test_what_is_processed_keeps_its_ids_over_a_crash(depots: Path, rows: Path, tmp_path: Path, crash: bool) -> None:
    """The control is the run without a crash: nothing is there twice."""
    settings = Settings(home=tmp_path / "home", packs=(str(depots),))
    assert run(["emit", str(rows), "--pack", str(depots), "--home", str(settings.home)]) == 0
    messages, counters = asyncio.run(processed(settings, crash=crash))
    events = [decode_event(message.payload) for message in messages]
    assert {(event.id, event.source) for event in events} >= {("p0", "/depots"), ("b59", "/depots")}
    assert len({event.id for event in events}) == 109
    assert len(events) == (218 if crash else 109)
    assert {message.payload for message in messages[:109]} == {message.payload for message in messages[-109:]}
    assert all(message.key == event.id for message, event in zip(messages, events, strict=True))
    assert events[-1].data == {"parcel": "end", "code": "9", "reason": "returned", "depot": "unknown"}
    assert counters["monitor:depots:events"] == 109
    assert counters["monitor:depots:filtered"] == 48
