"""`forestall new` as a person meets it: what is written, printed, refused and left alone."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from forestall.cli.app import run
from forestall.newpack import folder as folder_room
from forestall.packs import load_pack
from triggers.brokers import EmbeddedBroker, Outgoing
from triggers.clock import WallClock

Capture = pytest.CaptureFixture[str]
START = datetime(2026, 3, 1, tzinfo=UTC)


def _rows(number: int = 5000) -> list[dict[str, object]]:
    """Eight days; two hours of trouble at one depot on the last of them."""
    rows = []
    for each in range(number):
        minute = each * 2.4
        bad = each % 60 == 0 or (7.5 * 1440 < minute < 7.5 * 1440 + 120 and each % 3 == 0)
        rows.append(
            {
                "seen_at": (START + timedelta(minutes=minute)).isoformat(),
                "parcel": f"p-{each:05}",
                "state": "lost" if bad else "delivered",
                "depot": "nsew"[each % 4 if not bad else (each % 60 == 0) * (each // 60 % 4)],
                "to": {"mail": f"x{each}@example.org"},
            }
        )
    return rows


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    file = tmp_path / "parcels.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in _rows()))
    return file


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_pack_is_written_and_tried_at_once(sample: Path, there: Path, capsys: Capture) -> None:
    assert run(["new", "parcels", "--from", sample.name]) == 0
    told = " ".join(capsys.readouterr().out.split())  # wherever a line is broken
    assert "parcels/pack.yaml" in told
    assert "On this sample it would have opened 1 incident, from 1 signal:" in told
    assert "depot = n explains" in told
    assert "forestall run --pack parcels" in told
    assert run(["pack", "check", "parcels"]) == 0
    assert "no mistakes" in capsys.readouterr().out
    assert sorted(each.name for each in there.iterdir()) == ["parcels", "parcels.jsonl"]
    text = (there / "parcels" / "pack.yaml").read_text()
    assert len(text.splitlines()) <= 40
    assert "example.org" not in text


def test_json_says_the_same_twice(sample: Path, there: Path, capsys: Capture) -> None:
    found = []
    for name in ("one", "two"):
        (there / name).mkdir()
        assert run(["new", f"{name}/parcels", "--from", str(sample), "--json"]) == 0
        found.append(json.loads(capsys.readouterr().out))
    first, second = found
    assert first.pop("file") != second.pop("file")
    assert first == second
    assert {"yaml", "assumed", "warnings", "incidents", "signals", "counts", "dead_letters"} <= set(first)
    assert [each["signal"]["measure"] for each in first["incidents"]] == ["lost"]


def test_the_end_of_a_topic_is_a_sample_too(there: Path, capsys: Capture) -> None:
    async def publish() -> None:
        (there / "home").mkdir()
        broker = await EmbeddedBroker.open(there / "home" / "broker.db", WallClock())
        await broker.publish("post.parcels", [Outgoing(json.dumps(each).encode()) for each in _rows(500)])
        await broker.publish("post.parcels", [Outgoing(b"{poison")])
        await broker.close()

    asyncio.run(publish())
    options = ["--from", "topic:post.parcels", "--home", "home"]
    assert run(["new", "parcels", *options, "--messages", "300", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["counts"]["events"] == 299
    assert any("these are the last 299 messages only" in each for each in found["warnings"])
    assert any("1 messages could not be read" in each for each in found["warnings"])
    assert load_pack("parcels").manifest.streams[0].topic == "post.parcels"
    assert run(["new", "other", "--from", "topic:post.parcel", "--home", "home"]) in (3, 5)
    assert "post.parcel" in capsys.readouterr().err
    assert not (there / "other").exists()


def test_what_is_there_is_left_alone(sample: Path, there: Path, capsys: Capture) -> None:
    pack = there / "parcels"
    pack.mkdir()
    (pack / "pack.yaml").write_text("mine\n")
    (pack / "tools.py").write_text("mine, too\n")
    assert run(["new", "parcels", "--from", str(sample)]) == 2
    assert "it is left alone" in capsys.readouterr().err
    assert (pack / "pack.yaml").read_text() == "mine\n"
    assert run(["new", "parcels", "--from", str(sample), "--force"]) == 0
    assert (pack / "pack.yaml").read_text().startswith("# Drafted by forestall new")
    assert (pack / "tools.py").read_text() == "mine, too\n"


def test_nothing_is_left_behind_by_a_failure(
    sample: Path, there: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(folder_room, "MANIFEST", "pack.yml")  # what it writes, the loader does not find
    assert run(["new", "parcels", "--from", str(sample)]) == 3
    assert "has no pack.yaml" in capsys.readouterr().err
    assert [each.name for each in there.iterdir()] == ["parcels.jsonl"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["parcels", "--from", "none.csv"], 3, "no such file; a topic is written topic:NAME"),
        (["parcels", "--from", "parcels.txt"], 3, "unknown format"),
        (["123", "--from", "parcels.jsonl"], 2, "makes no name of a pack"),
        (["parcels.jsonl", "--from", "parcels.jsonl"], 2, "is no folder"),
        (["parcels", "--from", "parcels.jsonl", "--time", "sen_at"], 2, "did you mean seen_at?"),
        (["parcels", "--from", "parcels.jsonl", "--pane", "15"], 2, "--pane"),
        (["parcels", "--from", "parcels.jsonl", "--zone", "Vulcan"], 2, "--zone"),
        (["parcels", "--from", "topic:x", "--topic", "y"], 2, "--from names the topic already"),
        (["parcels", "--from", "empty.csv"], 3, "holds no row"),
        (["parcels", "--from", "one.csv"], 3, "no column holds a time that can be read; its columns: a (integer)"),
    ],
)
def test_what_is_wrong_is_named(
    arguments: list[str], code: int, told: str, sample: Path, there: Path, capsys: Capture
) -> None:
    (there / "parcels.txt").write_text("x\n")
    (there / "empty.csv").write_text("at,state\n")
    (there / "one.csv").write_text("a\n1\n2\n")
    before = sorted(each.name for each in there.iterdir())
    assert run(["new", *arguments]) == code
    assert told in capsys.readouterr().err
    assert sorted(each.name for each in there.iterdir()) == before
    assert sample.exists()


def test_a_short_sample_says_that_it_only_learned(there: Path, capsys: Capture) -> None:
    (there / "few.jsonl").write_text("".join(json.dumps(each) + "\n" for each in _rows(300)))
    assert run(["new", "few", "--from", "few.jsonl"]) == 0
    told = capsys.readouterr().out
    assert "would have opened 0 incidents" in told
    assert "learning to its end: counts take two days with events" in told


def test_a_name_with_a_dash_becomes_one_with_a_line(sample: Path, there: Path, capsys: Capture) -> None:
    assert run(["new", "my-parcels", "--from", str(sample), "--messages", "200"]) == 0
    assert load_pack(there / "my-parcels").name == "my_parcels"
    assert "first 200 rows only" in capsys.readouterr().out


@pytest.mark.needs("data")
def test_the_machines_file(there: Path, capsys: Capture) -> None:
    from tests.conftest import DATA

    assert run(["new", "machine", "--from", str(DATA / "machine_temperature.csv"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert "time: {column: timestamp, zone: UTC}" in found["yaml"]
    assert "aggregate: mean" in found["yaml"]
    assert any("an id by timestamp would lose 12 rows" in each["how"] for each in found["assumed"])
    assert any("steps back an hour at 2014-01-07" in each for each in found["warnings"])
    assert found["counts"]["events"] == 22_695
    assert "pane: 5m" in found["yaml"]
    assert str(there) not in found["yaml"]


def test_a_topic_has_a_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["new", str(tmp_path / "fresh"), "--from", "topic:", "--home", str(tmp_path / "home")]) == 2
    assert "--from: topic: names no topic" in capsys.readouterr().err
