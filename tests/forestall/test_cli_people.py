"""What people do at the command line, on a home in which an incident waits for an approval."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from contracts import Command, Outcome
from forestall.cli.app import run
from forestall.cli.ledgers import change, read
from forestall.home import MARKER
from forestall.usual import Usual
from ledger import Transaction

USUAL = Usual(broker="pulsar", packs={"retail": "/packs/retail"})
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def forestall(asked_home: Path) -> Callable[..., int]:
    """A command on that home; returns its exit code."""
    return lambda *arguments: run([*arguments, "--home", str(asked_home)])


@pytest.fixture
def incident(asked_home: Path) -> str:
    name: str = read(asked_home, lambda tx: tx.incidents.all()[0]["id"])
    return name


def _json(capsys: Capture) -> Any:
    return json.loads(capsys.readouterr().out)


def test_status_says_who_waits_and_what_to_do(forestall: Callable[..., int], incident: str, capsys: Capture) -> None:
    assert forestall("status") == 0
    told = capsys.readouterr().out
    assert f"forestall approve {incident}" in told
    assert "waits for a person's approval" in told
    assert "reroute_orders(warehouse=A" in told
    assert "Nothing needs you" not in told


def test_approving_shows_the_plan_and_leaves_nothing_to_do(
    forestall: Callable[..., int], incident: str, capsys: Capture
) -> None:
    assert forestall("approve", incident, "--as", "Ada", "--note", "go", "--yes") == 0
    told = capsys.readouterr().out
    assert "1. divert_new_orders(warehouse=A" in told
    assert "Approved by Ada" in told
    assert forestall("status", "--json") == 0
    found = _json(capsys)
    assert found["requests"] == found["needs"] == []
    assert forestall("trace", incident) == 0
    assert "Ada approved the plan: go" in capsys.readouterr().out


def test_what_was_approved_waits_for_a_service(
    forestall: Callable[..., int], asked_home: Path, incident: str, capsys: Capture
) -> None:
    change(asked_home, "test", lambda tx: tx.docs.set_switch("usual", USUAL.to_json()))
    assert forestall("approve", incident, "--yes") == 0
    (asked_home / MARKER).unlink()  # a service's home from here on
    capsys.readouterr()
    assert forestall("status", "--broker", "embedded", "--json") == 0
    found = _json(capsys)
    command = f"forestall run --pack /packs/retail --broker pulsar --home {asked_home}"
    assert found["needs"][0] == {"what": f"{incident} waits for forestall run", "do": command}
    assert found["incidents"][0]["waits_for"] == "forestall run"
    assert forestall("close", incident) == 0
    assert f"It goes on with: {command}." in capsys.readouterr().out


def test_an_answer_is_given_once(forestall: Callable[..., int], incident: str, capsys: Capture) -> None:
    assert forestall("deny", incident, "--yes") == 0
    assert forestall("approve", incident, "--yes") == 2
    assert "the request is denied; there is nothing to answer" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["approve", "deny"])
def test_without_a_terminal_nothing_is_answered_unasked(
    forestall: Callable[..., int], incident: str, command: str, capsys: Capture
) -> None:
    assert forestall(command, incident) == 2
    assert "Say --yes" in capsys.readouterr().err
    assert forestall("status", "--json") == 0
    assert len(_json(capsys)["requests"]) == 1


def test_an_unknown_id_names_a_near_one(forestall: Callable[..., int], incident: str, capsys: Capture) -> None:
    wrong = incident[:-1] + ("0" if incident[-1] != "0" else "1")
    assert forestall("approve", wrong) == 6
    assert f"did you mean {incident}?" in capsys.readouterr().err


def test_an_approval_needs_a_person(forestall: Callable[..., int], incident: str, capsys: Capture) -> None:
    assert forestall("approve", incident, "--as", " ", "--yes") == 2
    assert "say who answers" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--up-to", "plenty"], "is no amount"),
        (["--up-to", "5000", "--for", "soon"], "is no duration"),
        (["--up-to", "5000", "--for", "99999999999d"], "is longer than 3650d"),
        (["--up-to", "5000", "--as", "\udcff"], "is no UTF-8"),
        (["--up-to", "5000"], "a standing approval follows a success"),
    ],
)
def test_a_grant_that_makes_no_sense_is_refused(
    forestall: Callable[..., int], incident: str, options: list[str], told: str, capsys: Capture
) -> None:
    assert forestall("grant", incident, *options) == 2
    assert told in capsys.readouterr().err


def test_a_grant_after_a_success_and_its_revocation(asked_home: Path, incident: str, capsys: Capture) -> None:
    assert run(["demo", "retail", "--resume", "--dir", str(asked_home), "--json"]) == 0
    home = ["--home", str(asked_home)]
    assert run(["grant", incident, "--up-to", "750.50", "--for", "3d", "--as", "Ada", *home]) == 0
    [given] = read(asked_home, lambda tx: [each for each in tx.people.standing() if each.granted_by == "Ada"])
    assert given.value_ceiling == Decimal("750.50")
    assert run(["revoke", given.id, *home]) == 0
    assert run(["revoke", given.id, *home]) == 2
    capsys.readouterr()
    assert run(["status", "--json", *home]) == 0
    assert given.id not in [each["id"] for each in _json(capsys)["standing_approvals"]]


def test_freezing_is_seen_and_undone(forestall: Callable[..., int], capsys: Capture) -> None:
    assert forestall("freeze", "--reason", "inventory", "--as", "Ada") == 0
    assert forestall("status") == 0
    assert "by Ada" in capsys.readouterr().out
    assert forestall("thaw") == 0
    assert forestall("thaw") == 2
    assert "nothing is frozen" in capsys.readouterr().err


def test_a_pack_is_switched_by_its_name(forestall: Callable[..., int], capsys: Capture) -> None:
    assert forestall("mode", "retail", "observe") == 0
    assert forestall("status", "--json") == 0
    told = capsys.readouterr().out
    assert json.loads(told[told.index("{") :])["modes"][0]["mode"] == "observe"


@pytest.mark.parametrize("near", ["retial", "reta", "retails"])
def test_a_pack_is_never_switched_by_a_name_that_is_near(
    forestall: Callable[..., int], asked_home: Path, near: str, capsys: Capture
) -> None:
    before = read(asked_home, lambda tx: tx.docs.switches())
    assert forestall("mode", near, "observe") == 6
    assert "did you mean retail?" in capsys.readouterr().err
    assert read(asked_home, lambda tx: tx.docs.switches()) == before


@pytest.mark.parametrize("command", ["approve", "deny", "close"])
def test_what_changes_something_needs_the_whole_id(
    forestall: Callable[..., int], incident: str, command: str, capsys: Capture
) -> None:
    assert forestall(command, incident[:-1]) == 6
    assert f"did you mean {incident}?" in capsys.readouterr().err


def test_closing_an_open_incident_asks_its_run_to_end(
    forestall: Callable[..., int], asked_home: Path, incident: str, capsys: Capture
) -> None:
    assert forestall("close", incident, "--as", "Ada", "--note", "a drill") == 0
    assert forestall("close", incident) == 2
    assert run(["demo", "retail", "--resume", "--dir", str(asked_home)]) == 0
    assert "closed by Ada: a drill" in capsys.readouterr().out


def test_a_command_of_unknown_outcome_is_settled_once(
    forestall: Callable[..., int], asked_home: Path, incident: str, capsys: Capture
) -> None:
    change(asked_home, "test", lambda tx: _leave_unknown(tx, incident))
    assert forestall("settle", "cmd-lost-1", "succeeded", "--as", "Ada", "--note", "seen in the depot") == 0
    row = read(asked_home, lambda tx: tx.commands.get("cmd-lost-1"))
    assert row is not None
    assert row.outcome is not None
    assert row.outcome.status == "succeeded"
    assert forestall("settle", "cmd-lost-1", "failed") == 2
    assert "only an unknown outcome can be settled" in capsys.readouterr().err
    assert forestall("settle", "cmd-other", "failed") == 6


def _leave_unknown(tx: Transaction, incident: str) -> None:
    command = Command(
        id="cmd-lost-1",
        incident_id=incident,
        pack="retail",
        tenant="default",
        plan_version=1,
        ordinal="1",
        tool="notify_customers",
        arguments={"warehouse": "A"},
        deadline=2**52,
        value_ceiling=Decimal(1),
        authority="approval:req-1",
    )
    tx.commands.add(command, "opaque", 0)
    claim = tx.commands.claim(command.id, "test", 0)
    assert claim is not None
    tx.commands.record(claim, Outcome(command_id=command.id, incident_id=incident, status="unknown", error="a crash"))
