"""What a backtest finds, and that it does nothing else."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

import forestall.backtest.play as the_play
from contracts import DAY, HOUR, MINUTE, SECOND, EventMapping, to_iso
from forestall.backtest import Backtest, Options
from forestall.bootstrap import LEDGER_FILE
from forestall.errors import ForestallError, InputError, UsageError
from forestall.packs import Pack, load_pack
from ledger import SqliteLedger
from tests.forestall.backtests import PANE, START, TODAY, parcels_events, play, write_lines

NOON = START + 2 * 24 * HOUR + 12 * HOUR


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Backtest:
    return play(write_lines(tmp_path_factory.mktemp("history") / "parcels.jsonl", parcels_events()))


def test_it_notices_when_and_explains_by_what(found: Backtest) -> None:
    [incident] = found.incidents
    assert NOON < incident.opened_at <= NOON + 2 * HOUR
    assert incident.signal.pattern == "spike"
    assert (incident.explained.kind, incident.explained.cause) == ("single", {"depot": "east"})
    assert incident.explained.share is not None
    assert incident.explained.share > 0.9


def test_it_says_what_it_would_do_and_counts_the_approvals(found: Backtest) -> None:
    [incident] = found.incidents
    would = incident.would_do
    assert would is not None
    assert (would.ruling, would.template, found.approvals) == ("approve", "close_a_depot@1", 1)
    [step] = would.steps
    assert (step.tool, step.arguments["depot"], step.may) == ("close_depot", "east", "approve")


def test_it_says_when_the_measure_was_back(found: Backtest) -> None:
    [incident] = found.incidents
    assert incident.status == "observed"
    assert incident.recovered_at is not None
    assert NOON + 2 * HOUR < incident.recovered_at < NOON + 6 * HOUR


def test_every_pane_of_the_span_is_recorded_once(found: Backtest) -> None:
    [track] = found.tracks
    assert track.missed == 0
    assert track.starts == [START + PANE * number for number in range(96 * 3)]
    assert sum(value or 0 for value in track.values) == found.taken == len(parcels_events())


def test_equal_input_gives_equal_json_but_for_the_wall_clock(found: Backtest, tmp_path: Path) -> None:
    again = play(write_lines(tmp_path / "parcels.jsonl", parcels_events()))
    first, second = found.to_json(), again.to_json()
    assert first.pop("wall").keys() == second.pop("wall").keys()
    assert json.dumps(first) == json.dumps(second)


def test_the_batch_makes_no_difference(found: Backtest, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "parcels.jsonl", parcels_events())
    other = play(file, options=Options(batch=3)).to_json()
    assert other["incidents"] == found.to_json()["incidents"]


def test_a_span_is_kept_to(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "parcels.jsonl", parcels_events())
    day = START + 24 * HOUR
    result = play(file, options=Options(since=START + 2 * HOUR, until=day))
    assert START + 2 * HOUR <= result.begin <= result.end < day
    assert result.incidents == ()
    assert result.taken + result.rows.outside == len(parcels_events())


def test_a_span_without_events_is_told_with_those_there_are(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "parcels.jsonl", parcels_events(days=1))
    with pytest.raises(InputError, match=r"no event lies in the span.*2026-03-01T00:0"):
        play(file, options=Options(since=START + 900 * 24 * HOUR))


def test_a_span_that_ends_before_it_begins_is_refused(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "parcels.jsonl", parcels_events(days=1))
    with pytest.raises(UsageError, match=f"--since {to_iso(NOON)}: is not before"):
        play(file, options=Options(since=NOON, until=NOON))


def test_a_history_that_runs_backwards_is_refused(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "parcels.jsonl", list(reversed(parcels_events(days=1))))
    with pytest.raises(InputError, match="latest first"):
        play(file)


def test_what_is_no_event_is_counted_with_its_reason(tmp_path: Path) -> None:
    events = parcels_events(days=1)
    other = replace(events[0], time=events[0].time + 1)
    lines = [*events[:60], b"{}", b"no json", other, *events[60:]]
    result = play(write_lines(tmp_path / "parcels.jsonl", lines))
    assert result.dead_letters.counts == {"malformed": 2, "id_reused": 1}
    assert any("not JSON" in reason for reason in result.dead_letters.reasons["malformed"])
    assert result.taken == len(events)


def test_a_wrong_clock_in_the_past_does_not_stop_the_play(tmp_path: Path) -> None:
    events = parcels_events(days=1)
    lines = [*events[:60], replace(events[60], time=START + 400 * 24 * HOUR), *events[61:]]
    result = play(write_lines(tmp_path / "parcels.jsonl", lines))
    assert result.dead_letters.counts == {"future": 1}
    assert result.end < START + 24 * HOUR


def test_wrong_clocks_at_the_beginning_are_not_half_a_century_of_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty days of it are played; here one, for the sake of time."""
    monkeypatch.setattr(the_play, "SILENCE_MAX", 24 * HOUR)
    events = parcels_events(days=1)
    wrong = [replace(events[0], id=f"zero-{number}", time=number * SECOND) for number in range(20)]
    result = play(write_lines(tmp_path / "parcels.jsonl", [*wrong, *events]))
    assert result.dead_letters.counts == {}
    assert result.taken == len(wrong) + len(events)
    assert result.end == events[-1].time


def test_a_kept_home_can_be_looked_into(tmp_path: Path) -> None:
    home = tmp_path / "kept"
    play(write_lines(tmp_path / "parcels.jsonl", parcels_events(days=1)), options=Options(keep=home))
    assert (home / "ledger.db").is_file()


def test_a_folder_that_holds_something_is_not_played_in(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "parcels.jsonl", parcels_events(days=1))
    with pytest.raises(UsageError, match="holds something"):
        play(file, options=Options(keep=tmp_path))


# Our own clock


def _berlin_rows(tmp_path: Path, zone: str) -> tuple[Path, EventMapping]:
    """A row a minute for an hour up to TODAY, in Berlin's winter time."""
    local = [to_iso(TODAY + HOUR - number * MINUTE)[:19].replace("T", " ") for number in reversed(range(60))]
    file = tmp_path / "rows.csv"
    file.write_text("at,parcel,depot\n" + "".join(f"{at},P{n},east\n" for n, at in enumerate(local)))
    time = {"column": "at", "format": "%Y-%m-%d %H:%M:%S", "zone": zone}
    fields = {"parcel": "parcel", "depot": "depot"}
    return file, EventMapping.model_validate({"type": "parcel.returned", "time": time, "fields": fields})


def test_events_ahead_of_our_clock_are_refused_as_live_and_the_zone_named(tmp_path: Path) -> None:
    file, mapping = _berlin_rows(tmp_path, "UTC")
    found = play(file, mapping=mapping, today=TODAY)
    assert (found.taken, dict(found.dead_letters.counts)) == (
        5,
        {"future": 55},
    )  # five minutes of it pass for clocks that differ
    assert found.dead_letters.reasons["future"][0] == (
        "time: 360 s ahead of our clock; mend the sender's clock, or the zone in the mapping,"
        " if its times are not written in that one"
    )


@pytest.mark.parametrize(("today", "zone"), [(TODAY, "Europe/Berlin"), (TODAY + HOUR, "UTC")])
def test_control_in_the_right_zone_or_an_hour_later_they_are_taken(tmp_path: Path, today: int, zone: str) -> None:
    file, mapping = _berlin_rows(tmp_path, zone)
    found = play(file, mapping=mapping, today=today)
    assert (found.taken, dict(found.dead_letters.counts)) == (60, {})


def test_what_lies_ahead_does_not_move_the_clock(tmp_path: Path) -> None:
    """Ten of one wrong clock among the others, that would confirm each other."""
    events = parcels_events(days=1)
    wrong = [replace(events[0], id=f"wrong-{number}", time=TODAY + DAY + number) for number in range(10)]
    found = play(write_lines(tmp_path / "parcels.jsonl", [*events[:60], *wrong, *events[60:]]))
    assert (found.taken, dict(found.dead_letters.counts)) == (len(events), {"future": 10})
    assert found.end == events[-1].time


def test_control_with_a_later_clock_they_take_it_along(tmp_path: Path) -> None:
    events = parcels_events(days=1)
    wrong = [replace(events[0], id=f"wrong-{number}", time=TODAY + DAY + number) for number in range(10)]
    found = play(write_lines(tmp_path / "parcels.jsonl", [*events[:60], *wrong, *events[60:]]), today=TODAY + 2 * DAY)
    assert found.end == wrong[-1].time


def test_with_nothing_but_what_lies_ahead_the_rest_is_told_too(tmp_path: Path) -> None:
    events = [replace(each, time=each.time + 1000 * DAY) for each in parcels_events(days=1)[:20]]
    found = play(write_lines(tmp_path / "parcels.jsonl", [b"{}", *events]))
    assert dict(found.dead_letters.counts) == {"future": 20, "malformed": 1}
    assert found.begin == found.end == TODAY


# Nothing is forgotten


def _twice(tmp_path: Path) -> Backtest:
    """Nine days, and the same again: more than the seven after which a live service may forget what it took."""
    events = parcels_events(days=9)
    return play(write_lines(tmp_path / "parcels.jsonl", [*events, *events]))


def test_every_repetition_is_known_however_far_behind(tmp_path: Path) -> None:
    events, found = len(parcels_events(days=9)), _twice(tmp_path)
    assert (found.counts["events"], found.counts["duplicates"], found.counts["late"]) == (events, events, 0)


def test_control_with_the_pruner_let_loose_repetitions_are_counted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(the_play, "FOR_EVER", -1)
    assert _twice(tmp_path).counts["events"] > len(parcels_events(days=9))


def test_a_dead_letter_of_months_ago_is_reported(tmp_path: Path) -> None:
    """A live service forgets it after thirty days."""
    events = parcels_events(days=1)
    later = [replace(each, id=f"later-{each.id}", time=each.time + 120 * DAY) for each in events]
    result = play(write_lines(tmp_path / "parcels.jsonl", [*events, b"{}", *later]))
    assert result.dead_letters.counts == {"malformed": 1}
    assert result.taken == len(events) + len(later)


def test_a_kept_home_is_not_kept_from_pruning(tmp_path: Path) -> None:
    home = tmp_path / "kept"
    play(write_lines(tmp_path / "parcels.jsonl", parcels_events(days=1)), options=Options(keep=home))
    ledger = SqliteLedger(home / LEDGER_FILE)
    try:
        assert asyncio.run(ledger.read(lambda tx: tx.leases.is_free("pruner", "run-1", START)))
    finally:
        asyncio.run(ledger.close())


# No effects


def _counting(pack: Pack, calls: list[str]) -> Pack:
    """The pack with tools that note their call."""

    def noting(name: str) -> Callable[..., Awaitable[dict[str, Any]]]:
        async def call(*_: Any, **__: Any) -> dict[str, Any]:
            calls.append(name)
            return {"changed": 1}

        return call

    for tool in pack.catalogue:
        tool._call = noting(tool.name)
    return pack


def test_no_tool_is_called_although_the_pack_acts(parcels: Path, tmp_path: Path) -> None:
    calls: list[str] = []
    pack = _counting(load_pack(parcels), calls)
    assert pack.manifest.mode == "act"
    result = play(write_lines(tmp_path / "parcels.jsonl", parcels_events()), pack)
    assert result.approvals == 1
    assert calls == []


def test_nothing_is_left_behind_and_nothing_touched_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: Backtest
) -> None:
    file = write_lines(tmp_path / "parcels.jsonl", parcels_events())
    work, scratch = tmp_path / "work", tmp_path / "scratch"
    work.mkdir()
    scratch.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert play(file).incidents == found.incidents
    assert os.listdir(work) == os.listdir(scratch) == []


def test_the_environment_names_no_broker_model_or_webhook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORESTALL_PULSAR_URL", "pulsar://127.0.0.1:1")
    monkeypatch.setenv("FORESTALL_BROKER", "pulsar")
    monkeypatch.setenv("FORESTALL_MODEL", "some-model")
    monkeypatch.setenv("FORESTALL_WEBHOOK_URL", "http://127.0.0.1:1/hook")
    assert play(write_lines(tmp_path / "parcels.jsonl", parcels_events(days=1))).taken > 0


def test_a_broker_that_is_not_its_own_is_not_published_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the one above: were the settings let through, the play would still stop before it publishes."""

    class NotOurs:
        pass

    monkeypatch.setattr(the_play, "EmbeddedBroker", NotOurs)
    with pytest.raises(ForestallError, match="not its own; nothing was published"):
        play(write_lines(tmp_path / "parcels.jsonl", parcels_events(days=1)))


def test_control_let_loose_the_same_play_asks_a_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the switch to observe a request is really made; so the tests above test something."""
    monkeypatch.setattr(the_play, "_watching", lambda pack: pack)
    home = tmp_path / "kept"
    play(write_lines(tmp_path / "parcels.jsonl", parcels_events()), options=Options(keep=home))
    assert asyncio.run(_requests(home)) == 1


async def _requests(home: Path) -> int:
    ledger = SqliteLedger(home / LEDGER_FILE)
    try:
        return await ledger.read(lambda tx: len(tx.people.requests()))
    finally:
        await ledger.close()
