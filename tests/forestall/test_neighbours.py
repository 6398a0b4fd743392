"""Two homes that read one subscription take each other's events: both are told. Workers of one home do not."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid1

import httpx
import pytest

from forestall.cli.app import run
from forestall.cli.ledgers import read
from forestall.neighbours import note_strangers, shared_with_strangers
from ledger import SqliteLedger
from tests.running_service import Service

Capture = pytest.CaptureFixture[str]
Start = Callable[[Path], Service]
PACK = """\
pack: {name}
title: Orders
streams:
  - topic: {topic}
    mapping: {{type: order, time: {{publish: true}}, id: "{{no}}", fields: {{no: no}}}}
measures:
  - {{name: orders, title: Orders, of: [order]}}
detectors:
  - {{name: level, measure: orders, kind: level}}
"""
WARNED = "another home ("


def write_pack(folder: Path, name: str, topic: str) -> Path:
    folder.mkdir()
    (folder / "pack.yaml").write_text(PACK.format(name=name, topic=topic))
    return folder


async def test_what_was_seen_is_told_while_the_stream_is_watched(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "ledger.db")
    await ledger.transact("note", lambda tx: note_strangers(tx, "orders", "orders", ("run-1 of trial on host",)))
    assert await ledger.read(lambda tx: shared_with_strangers(tx, 1)) == []
    await ledger.transact(
        "lease", lambda tx: tx.leases.acquire("partition:forestall.orders:orders#orders#0", "w", 1, 9)
    )
    (need,) = await ledger.read(lambda tx: shared_with_strangers(tx, 2))
    assert "another home (run-1 of trial on host)" in need["what"]
    assert await ledger.read(lambda tx: shared_with_strangers(tx, 99)) == [], "nobody watches it any more"
    await ledger.transact("note", lambda tx: note_strangers(tx, "orders", "orders", ()))
    assert await ledger.read(lambda tx: shared_with_strangers(tx, 2)) == []
    await ledger.close()


async def test_a_ledger_keeps_its_first_id(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "ledger.db")
    assert await ledger.read(lambda tx: tx.docs.identity()) is None
    assert [await ledger.transact("id", lambda tx, new=new: tx.docs.identify(new)) for new in "ab"] == ["a", "a"]
    await ledger.close()


@pytest.fixture
def topic(pulsar_url: str, pulsar_web_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A topic of two partitions."""
    name = f"neighbours-{uuid1().hex}"
    with httpx.Client(
        base_url=f"{pulsar_web_url}/admin/v2/persistent/public/default/", timeout=30, trust_env=False
    ) as admin:
        admin.put(f"{name}/partitions", json=2).raise_for_status()
        monkeypatch.setenv("FORESTALL_PULSAR_URL", pulsar_url)
        monkeypatch.setenv("FORESTALL_PULSAR_WEB_URL", pulsar_web_url)
        yield name
        admin.delete(f"{name}/partitions", params={"force": "true"})


def emit(folder: Path, topic: str, rows: int) -> None:
    file = folder / "orders.csv"
    file.write_text("no\n" + "".join(f"{number}\n" for number in range(rows)))
    home = str(folder / "emitter")
    assert run(["emit", str(file), "--pack", str(folder / "pack"), "--topic", topic, "--home", home]) == 0


def counted(folder: Path, home: str, pack: str, capsys: Capture) -> tuple[int, str]:
    """How many events a run until idle took, and what it said."""
    capsys.readouterr()
    assert run(["run", "--pack", str(folder / pack), "--until-idle", "--json", "--home", str(folder / home)]) == 0
    captured = capsys.readouterr()
    return json.loads(captured.out)["events"], " ".join(captured.err.split())


@pytest.mark.needs("pulsar")
def test_a_fresh_home_is_told_that_another_one_read_it_all(topic: str, tmp_path: Path, capsys: Capture) -> None:
    write_pack(tmp_path / "pack", "orders", topic)
    write_pack(tmp_path / "copy", "orders_trial", topic)
    emit(tmp_path, topic, 30)
    events, said = counted(tmp_path, "prod", "pack", capsys)
    assert events == 30
    assert "stands behind" not in said, "nobody read it before"
    events, said = counted(tmp_path, "prod", "pack", capsys)
    assert events == 0
    assert "stands behind" not in said, "it was this home that read it"
    events, said = counted(tmp_path, "trial", "pack", capsys)
    assert events == 0
    assert f"topic {topic}: the subscription forestall.orders:{topic} stands behind" in said
    events, said = counted(tmp_path, "trial", "copy", capsys)
    assert events == 30, "as the warning advises"
    assert "stands behind" not in said


@pytest.mark.needs("pulsar")
def test_two_homes_are_both_told_and_two_workers_of_one_are_not(topic: str, tmp_path: Path, capsys: Capture) -> None:
    pack = write_pack(tmp_path / "pack", "orders", topic)
    prod, trial = tmp_path / "prod", tmp_path / "trial"

    def streams(address: str) -> Any:
        with urllib.request.urlopen(f"{address}/health", timeout=30) as answer:
            return json.load(answer)["streams"]

    with ExitStack() as stack:

        def start(home: Path, *options: str) -> Service:
            service = Service(home, "--pack", str(pack), *options)
            stack.callback(service.process.kill)
            return service

        first = start(prod, "--health", "0")
        address = first.address()
        first.until("is ready")
        second = start(prod, "--health", "0")
        beside = second.address()
        second.until("is ready")
        stranger = start(trial)
        warned = stranger.until(WARNED)
        assert "run-1 of prod on " in warned
        assert "run-2 of prod on " in warned
        for service in (first, second):
            assert "run-1 of trial on " in (told := service.until(WARNED))
            assert " of prod on" not in told, "workers of one home are no strangers to each other"
            assert sum(WARNED in line for line in service.lines) == 1
        for each in (address, beside):
            (stream,) = streams(each)
            assert len(stream["taken_by"]) == 1
            assert stream["taken_by"][0].startswith("run-1 of trial on ")
        capsys.readouterr()
        assert run(["status", "--home", str(prod)]) == 0
        told = " ".join(capsys.readouterr().out.split())
        assert "! another home (run-1 of trial on " in told
        assert "Nothing needs you" not in told
        assert stranger.end() == 0
        for service in (first, second):
            service.until("no other home reads it any more")
        assert read(prod, lambda tx: shared_with_strangers(tx, 0)) == []
        assert [service.end() for service in (first, second)] == [0, 0]
