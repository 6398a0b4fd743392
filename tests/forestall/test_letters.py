"""`forestall dead-letters --seen`: what a person has seen is not news any more."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from forestall.cli.app import run
from forestall.cli.ledgers import LEDGER_FILE, read
from ledger import DeadLetter, SqliteLedger

Capture = pytest.CaptureFixture[str]


def bury(home: Path, *letters: tuple[str, str, str]) -> None:
    """(topic, code, reason) of each."""

    async def work() -> None:
        ledger = SqliteLedger(home / LEDGER_FILE)
        before = await ledger.read(lambda tx: sum(tx.inbox.dead_letter_count().values()))
        made = [
            DeadLetter(topic, f"m{before + number}", code, reason, b"{}", before + number, 2)
            for number, (topic, code, reason) in enumerate(letters, 1)
        ]
        await ledger.transact("test", lambda tx: tx.inbox.bury("s", made))
        await ledger.close()

    asyncio.run(work())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    bury(
        tmp_path,
        ("orders", "schema", "x = 'a': no number"),
        ("orders", "schema", "x = 'b': no number"),
        ("orders", "schema", "y: missing"),
        ("pumps", "schema", "x = 'a': no number"),
        ("orders", "unknown_type", "no 'order.x'"),
        ("orders", "schema", "x = 'c': no number"),
    )
    return tmp_path


def told(capsys: Capture, *command: str, home: Path) -> Any:
    assert run([*command, "--json", "--home", str(home)]) == 0
    return json.loads(capsys.readouterr().out)


def unseen(home: Path, capsys: Capture) -> list[int]:
    return sorted(each["number"] for each in told(capsys, "dead-letters", home=home) if each["seen_at"] is None)


def test_an_entry_is_seen_up_to_the_message_named(home: Path, capsys: Capture) -> None:
    assert unseen(home, capsys) == [1, 2, 3, 4, 5, 6]
    assert run(["dead-letters", "--seen", "2", "--as", "Ada", "--home", str(home)]) == 0
    assert capsys.readouterr().out == "2 dead letters seen by Ada.\n"
    assert unseen(home, capsys) == [3, 4, 5, 6], "of the same kind, 6 came later"
    assert told(capsys, "dead-letters", "--seen", "6", "--as", "Ada", home=home) == {"seen": 1, "by": "Ada"}
    assert unseen(home, capsys) == [3, 4, 5]


def test_all_are_seen_and_what_comes_later_is_not(home: Path, capsys: Capture) -> None:
    found = told(capsys, "status", home=home)
    assert found["dead_letters_unseen"] == found["dead_letters"] == {"schema": 5, "unknown_type": 1}
    assert run(["dead-letters", "--seen", "all", "--home", str(home), "--note", "known"]) == 0
    capsys.readouterr()
    found = told(capsys, "status", home=home)
    assert (found["dead_letters_unseen"], found["needs"]) == ({}, [])
    assert found["dead_letters"] == {"schema": 5, "unknown_type": 1}
    assert run(["status", "--home", str(home)]) == 0
    assert "dead letters   5 schema, 1 unknown_type, all of them seen" in capsys.readouterr().out
    bury(home, ("orders", "schema", "y: missing"))
    assert run(["status", "--home", str(home)]) == 0
    said = capsys.readouterr().out
    assert "! 1 message could not be taken (schema 1)" in said
    assert "6 schema, 1 unknown_type, 1 of them not seen yet" in said
    assert run(["dead-letters", "--home", str(home)]) == 0
    said = capsys.readouterr().out
    assert "7 messages could not be taken (schema 6, unknown_type 1), 1 of them not seen yet." in said
    assert "2 messages on orders, the latest number 7 at" in said
    assert "(1 not seen)" in said
    assert f"forestall dead-letters --seen NUMBER|all --home {home}" in said


def test_a_flood_of_one_kind_hides_no_other(home: Path, capsys: Capture) -> None:
    bury(home, *[("orders", "future", f"time: {number} s ahead of our clock") for number in range(1_500)])
    assert run(["dead-letters", "--home", str(home)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "future 1,500 messages on orders, the latest number 1506" in said
    assert "(and 1,499 more like it, with other values)" in said
    for kind in ("schema 3 messages on orders", "schema 1 message on orders", "unknown_type 1 message", "on pumps"):
        assert kind in said
    assert "left out" not in said
    assert run(["dead-letters", "--limit", "2", "--home", str(home)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "3 kinds of earlier ones left out; --limit shows more" in said


def test_who_has_seen_it_is_in_the_journal(home: Path) -> None:
    assert run(["dead-letters", "--seen", "5", "--as", "Ada", "--note", "old shop", "--home", str(home)]) == 0
    [event] = read(home, lambda tx: tx.journal.events(type_prefix="forestall.acknowledgement."))
    assert event.data == {"person": "Ada", "note": "old shop", "dead_letters": 1, "latest": 5}
    assert run(["dead-letters", "--seen", "all", "--as", "", "--home", str(home)]) == 2
    assert len(read(home, lambda tx: tx.inbox.unseen())) == 5


@pytest.mark.parametrize("which", ["99", "x", "", "-1"])
def test_what_is_no_number_of_one_is_told(home: Path, which: str, capsys: Capture) -> None:
    assert run(["dead-letters", "--seen", which, "--home", str(home)]) == 6
    assert "no dead letter of this number" in capsys.readouterr().err
    assert unseen(home, capsys) == [1, 2, 3, 4, 5, 6]


def test_nothing_is_seen_twice(home: Path, capsys: Capture) -> None:
    for number in (6, 0):
        assert told(capsys, "dead-letters", "--seen", "all", home=home)["seen"] == number
    assert len(read(home, lambda tx: tx.journal.events(type_prefix="forestall.acknowledgement."))) == 1
