"""Stories are told from the journal alone, and words fit their figures."""

from pathlib import Path

import pytest

from contracts import DAY, HOUR, MINUTE, SECOND, Decision, Event, Json, decision_digest, own_event
from forestall.cli.ledgers import change, read
from forestall.cli.screen import stdout
from forestall.demo import decisions_of
from forestall.trace import Story, Teller, duration, figures, happening, moment, money, story_of, telling_at, tree_of
from ledger import Routing, SqliteLedger, Transaction, rebuild_views, record


def _story(home: Path) -> Story:
    def work(tx: Transaction) -> Story:
        name = tx.journal.events(type_prefix="forestall.incident.opened")[0].correlation_id
        assert name is not None
        return story_of(name, tx.journal.events(incident=name))

    return read(home, work)


def test_a_story_holds_every_decision_of_its_incident(asked_home: Path) -> None:
    story = _story(asked_home)
    decisions = read(asked_home, lambda tx: decisions_of(tx, story.incident))
    assert story.digest == decision_digest(decisions)
    assert sorted(each.node for each in story.decisions) == sorted(each.node for each in decisions)
    phases = [step["phase"] for step in story.to_json()["steps"]]
    assert list(dict.fromkeys(phases)) == ["noticed", "explained", "recalled", "planned", "gated"]


def test_a_story_needs_no_view(asked_home: Path) -> None:
    before = _story(asked_home)
    change(asked_home, "test", lambda tx: tx.incidents.forget_views())
    assert _story(asked_home) == before
    change(asked_home, "test", rebuild_views)
    assert read(asked_home, lambda tx: tx.incidents.get(before.incident))["status"] == before.view["status"]  # type: ignore[index]


@pytest.mark.parametrize("width", ["80", "120"])
def test_the_tree_tells_every_phase_within_its_width(
    asked_home: Path, width: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    stdout().print(tree_of(_story(asked_home)))
    told = capsys.readouterr().out
    assert max(len(line) for line in told.splitlines()) <= int(width)
    places = [told.index(f"── {phase}") for phase in ("noticed", "explained", "recalled", "planned", "gated", "person")]
    assert places == sorted(places)
    assert "lift" in told
    assert "from explanation" in told
    assert "no standing approval" in told


@pytest.mark.parametrize(
    ("micros", "told"),
    [
        (0, "0 s"),
        (59 * SECOND, "59 s"),
        (15 * MINUTE, "15 min"),
        (3 * HOUR + 30 * MINUTE, "3 h 30 min"),
        (2 * DAY + 5 * MINUTE, "2 d"),
        (2 * DAY + 4 * HOUR, "2 d 4 h"),
    ],
)
def test_durations(micros: int, told: str) -> None:
    assert duration(micros) == told


def test_figures_leave_out_what_is_known() -> None:
    result = {
        "warehouse": "A",
        "moved": 38,
        "value": "3023.80",
        "to": {"B": 21, "C": 6},
        "until": "2026-03-06T10:00:00Z",
    }
    told = figures(result, {"warehouse": "A"})
    assert told == "moved 38 · value 3,023.80 · to B 21, C 6 · until Fri 6 Mar 10:00"


def test_money_and_moments() -> None:
    assert (money("1234.5"), money("a lot")) == ("1,234.50", "a lot")
    assert moment(0) == "Thu 1 Jan 00:00"
    with telling_at(180 * DAY):
        assert moment(0) == "Thu 1 Jan 00:00"
        assert moment(-1) == "Wed 31 Dec 1969 23:59"


def test_an_event_that_says_nothing_new_has_no_line() -> None:
    assert happening(own_event("episode.recorded", {}, about=("x",), time=0)) is None
    found = happening(own_event("effect.frozen", {"person": "Ada", "reason": "a drill"}, about=("y",), time=5))
    assert found is not None
    assert (found.at, found.word, found.text, found.tone) == (5, "frozen", "by Ada: a drill", "bad")


def _decided(number: int, worker: str | None) -> Event:
    made = Decision(
        incident_id="inc-1",
        graph="incident",
        subject="inc-1",
        step=number,
        node="recall",
        summary="s",
        semantic={},
        alternatives=(),
        at=number,
        worker=worker,
    )
    return own_event("decision.made", made.to_json(), about=(number,), time=number, incident="inc-1")


def _written(kind: str, data: Json, number: int) -> Event:
    return own_event(kind, data, about=(kind, number), time=number, incident="inc-1")


async def test_a_happening_is_of_the_worker_that_wrote_it(tmp_path: Path) -> None:
    """A decision says it; a signal stands before its decision, all else behind it."""
    signal = {"pattern": "spike", "measure": "m", "observed": 9.0, "expected": 1.0, "key": "all", "how": "opened"}
    signal |= {"onset": 0, "noticed_at": MINUTE}
    done = {"tool": "t", "command_id": "c", "error": "e"}
    word = {"verdict": "approved", "person": "Ada", "note": ""}
    events = [
        _decided(1, "b"),
        _written("signal.raised", signal, 2),
        _decided(3, "a"),
        _written("approval.granted", word, 4),
        _decided(5, None),
        _written("approval.denied", word | {"verdict": "denied"}, 6),
        _decided(7, "b"),
        _written("command.failed", done, 8),
        _written("effect.thawed", {"person": "Ada"}, 9),
    ]
    ledger = SqliteLedger(tmp_path / "ledger.db")
    teller = Teller()

    def write(tx: Transaction, some: list[Event]) -> None:
        for each in some:
            record(tx, Routing(), each)

    await ledger.transact("test", lambda tx: write(tx, events))
    found = [(each.word, each.worker) for each in await teller.new(ledger)]
    assert found == [
        ("recalled", "b"),
        ("noticed", "a"),
        ("recalled", "a"),
        ("approved", "a"),
        ("recalled", None),
        ("denied", None),
        ("recalled", "b"),
        ("failed", "b"),
        ("thawed", "b"),
    ]
    await ledger.transact("test", lambda tx: write(tx, [_written("command.refused", done, 10)]))
    assert [each.worker for each in await teller.new(ledger)] == [None], "its decision was told before: everybody's"
    await ledger.close()


def test_event_time_is_marked(asked_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a replay it lies years from the wall clock."""
    stdout().print(tree_of(_story(asked_home)))
    told = capsys.readouterr().out
    assert "UTC (event time)" in told
    assert "noticed (event time)" in told
    assert "explained\n" in told
    assert "times that are not marked as event time are the wall clock's" in told


def test_nothing_at_stake_is_not_told() -> None:
    for value, said in (("0", False), ("0.00", False), ("12.5", True)):
        plan = {"plan": {"tasks": []}, "lane": "recall", "template": "t@1", "value_at_stake": value}
        told = happening(own_event("incident.planned", plan, about=(value,), time=0))
        assert told is not None
        assert ("at stake" in told.text) is said
