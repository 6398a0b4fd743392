"""What `forestall new` makes of a sample: one test a guess."""

import json
import random
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts import MINUTE, SECOND
from forestall.newpack import (
    Plan,
    Sample,
    SampleFault,
    Wishes,
    WishFault,
    check_wishes,
    pack_yaml,
    plan_pack,
    read_file,
)

NONE = Wishes()
NOW = 1_800_000_000 * SECOND
START = datetime(2026, 3, 1, tzinfo=UTC)


def _plan(documents: Iterable[Mapping[str, Any]], wishes: Wishes = NONE, **sample: Any) -> Plan:
    given = Sample("orders.csv", None, list(documents), **sample)
    return plan_pack(given, "orders", "orders", wishes, NOW)


def _at(minutes: float, form: str = "%Y-%m-%dT%H:%M:%SZ") -> str:
    return (START + timedelta(minutes=minutes)).strftime(form)


def _orders(number: int = 400, **more: Any) -> list[dict[str, Any]]:
    chance = random.Random(1)
    return [
        {"at": _at(each * 7), "status": "failed" if chance.random() < 0.1 else "paid", "shop": f"s{each % 3}", **more}
        for each in range(number)
    ]


@pytest.mark.parametrize(
    ("written", "form"),
    [
        (lambda minute: _at(minute), "iso"),
        (lambda minute: _at(minute, "%Y-%m-%d %H:%M:%S"), "iso"),
        (lambda minute: str(1_772_323_200 + minute * 60), "epoch_s"),
        (lambda minute: 1_772_323_200_000 + minute * 60_000, "epoch_ms"),
        (lambda minute: 1_772_323_200_000_000 + minute * 60_000_000, "epoch_us"),
        (lambda minute: _at(minute, "%d/%m/%Y %H:%M"), "%d/%m/%Y %H:%M"),
        (lambda minute: _at(minute, "%m/%d/%Y %H:%M"), "%m/%d/%Y %H:%M"),
        (lambda minute: _at(minute, "%d.%m.%Y %H:%M:%S"), "%d.%m.%Y %H:%M:%S"),
        (lambda minute: _at(minute, "%d/%b/%Y:%H:%M:%S +0000"), "%d/%b/%Y:%H:%M:%S %z"),
    ],
)
def test_the_time_is_found_in_its_form(written: Any, form: str) -> None:
    plan = _plan({"n": str(each % 7), "when": written(each * 97)} for each in range(300))
    assert (plan.time.column, plan.time.form) == ("when", form)
    known = [each for each in plan.at if each is not None]
    assert known[1] - known[0] == 97 * MINUTE


def test_a_time_without_a_zone_is_taken_for_utc_and_that_is_said() -> None:
    plan = _plan({"at": _at(each, "%Y-%m-%d %H:%M:%S"), "x": "1"} for each in range(100))
    assert plan.time.zone == "UTC"
    assert "UTC is assumed" in pack_yaml(plan)
    wished = _plan(({"at": _at(each, "%Y-%m-%d %H:%M:%S")} for each in range(100)), Wishes(zone="Europe/Vienna"))
    assert "zone: Europe/Vienna" in pack_yaml(wished)
    assert "assumed" not in pack_yaml(wished)


def test_an_hour_that_comes_twice_gives_local_time_away() -> None:
    berlin = datetime(2025, 10, 25, 22, tzinfo=UTC)
    moments = [berlin + timedelta(minutes=5 * each) for each in range(200)]
    local = [each + timedelta(hours=2 if each < datetime(2025, 10, 26, 1, tzinfo=UTC) else 1) for each in moments]
    plan = _plan({"at": each.strftime("%Y-%m-%d %H:%M:%S"), "v": str(place % 13)} for place, each in enumerate(local))
    [told] = [each for each in plan.warnings if "steps back an hour" in each]
    assert "the times are local; --zone Europe/" in told


def test_clocks_that_are_hours_apart_are_named_by_their_column_alone() -> None:
    rows = [{"at": _at(each - 180 * (each % 3 == 0)), "host": f"h{each % 3}"} for each in range(400)]
    plan = _plan(rows, published=[0] * 400)
    [told] = [each for each in plan.warnings if "clocks are" in each]
    assert "3 h apart by host" in told
    assert "h0" not in told


def test_a_changing_offset_is_read_and_said() -> None:
    rows = [
        {"at": f"2026-03-29T0{hour}:{minute:02}:00+0{1 + (hour > 1)}:00"} for hour in (1, 3) for minute in range(60)
    ]
    plan = _plan(rows)
    assert any("changes its offset (+01:00, +02:00)" in each for each in plan.warnings)
    assert plan.time.zone is None


def test_times_ahead_of_the_clock_are_told() -> None:
    plan = plan_pack(Sample("x.csv", None, _orders()), "orders", "orders", Wishes(), 1_772_323_200 * SECOND)
    assert any("ahead of this machine's clock" in each for each in plan.warnings)


def test_no_time_column_names_the_columns_and_what_to_do() -> None:
    with pytest.raises(SampleFault, match=r"no column holds a time.*; its columns: a \(integer\), b \(text\)") as fault:
        _plan({"a": str(each), "b": "x"} for each in range(20))
    assert "--time COLUMN" in fault.value.next_step
    with pytest.raises(SampleFault, match="nanoseconds"):
        _plan({"ts": str(1_772_323_200_000_000_000 + each * 10**9)} for each in range(20))
    with pytest.raises(SampleFault, match="b: holds no time that can be read"):
        _plan(({"at": _at(each), "b": "x"} for each in range(20)), Wishes(time="b"))


def test_a_topic_without_a_time_gets_the_brokers() -> None:
    sample = Sample(
        "topic:t", "t", [{"n": each} for each in range(30)], published=[each * MINUTE for each in range(30)]
    )
    assert "time: {publish: true}" in pack_yaml(plan_pack(sample, "orders", "t", Wishes(), NOW))


def test_partitions_that_were_sent_in_batches_are_not_late() -> None:
    """Each partition is in order; by publishing, hours of one come before the same hours of the other."""
    numbers = [each for first in range(0, 2000, 200) for part in (0, 1) for each in range(first + part, first + 200, 2)]
    documents = [{"at": _at(each), "status": "failed" if each % 20 == 0 else "ok"} for each in numbers]
    plan = plan_pack(
        Sample("topic:t", "t", documents, published=[0] * 2000, partitions=[each % 2 for each in numbers]),
        "orders",
        "t",
        Wishes(),
        NOW,
    )
    assert (plan.lateness, plan.warnings) == (0, [])
    as_one = Sample("topic:t", "t", documents, published=[0] * 2000)
    assert any("more than an hour late" in each for each in plan_pack(as_one, "orders", "t", Wishes(), NOW).warnings)


def test_status_words_become_a_count_with_its_dimensions() -> None:
    [measure] = _plan(_orders()).measures
    assert (measure.name, measure.where, measure.aggregate) == ("failed", (("status", ("equals", "failed")),), "count")
    assert measure.dimensions == ("shop",)
    assert measure.detectors == (("count", "up"),)


@pytest.mark.parametrize(
    ("column", "values", "counted"),
    [
        ("is_error", [True, False], "true"),
        ("success", [True, False], "false"),
        ("failed", ["0", "1"], "1"),
        ("http_status", [200, 503], "503"),
        ("level", ["INFO", "ERROR"], "ERROR"),
        ("state", ["done", "timed_out"], "timed_out"),
        ("outcome", ["ok", "not ok"], "not ok"),
    ],
)
def test_trouble_in_many_shapes(column: str, values: list[Any], counted: str) -> None:
    bad = next(each for each in values if (str(each).lower() if isinstance(each, bool) else str(each)) == counted)
    good = next(each for each in values if each != bad)
    rows = [{"at": _at(each * 3), column: bad if each % 20 == 0 else good} for each in range(400)]
    [measure] = _plan(rows).measures
    assert [test for _, test in measure.where] == [("equals", counted)]


def test_a_column_of_types_becomes_the_event_type() -> None:
    names = ["order.placed", "order.shipped", "order.cancelled"]
    rows = [
        {"at": _at(each * 3), "type": names[(each % 20 == 0) * 2 + (each % 2) * (each % 20 != 0)]}
        for each in range(400)
    ]
    plan = _plan(rows)
    assert plan.type.cases == (("order.cancelled", "orders.order_cancelled"),)
    assert plan.measures[0].of == ("orders.order_cancelled",)
    every = _plan(rows, Wishes(type="type", measures=("count",)))
    assert len(every.type.cases) == 3
    with pytest.raises(WishFault, match="has 400 different values"):
        _plan(rows, Wishes(type="at"))


def test_units_that_repeat_are_counted_once() -> None:
    rows = [
        {"at": _at(each * 3), "order_no": str(1000 + each // 4), "status": "failed" if each // 4 % 9 == 0 else "paid"}
        for each in range(800)
    ]
    plan = _plan(rows)
    [measure] = plan.measures
    assert (measure.aggregate, measure.unit, plan.key) == ("distinct", "order_no", "order_no")
    assert plan.id is None
    assert "by message, or row of a file" in plan.id_comment


def test_an_id_must_be_unique_and_is_never_made_of_the_time() -> None:
    assert _plan({**each, "id": f"o{number}"} for number, each in enumerate(_orders())).id == "id"
    rows = [{"timestamp": _at(5 * (each - (each > 200) * 2)), "value": str(each * 7 % 31)} for each in range(400)]
    plan = _plan(rows)
    assert plan.id is None
    assert "an id by timestamp would lose 2 rows" in plan.id_comment
    wished = _plan(rows, Wishes(id="timestamp"))
    assert any("timestamp repeats in 2 rows" in each for each in wished.warnings)


def test_readings_at_a_fixed_period_are_levels() -> None:
    plan = _plan({"at": _at(each * 5), "heat": str(50 + each % 17), "n": str(each)} for each in range(300))
    [measure] = plan.measures
    assert (measure.aggregate, measure.field, measure.pane) == ("mean", "heat", 5 * MINUTE)
    assert measure.detectors == (("level", "both"), ("silence", "both"))


def test_readings_of_many_senders_are_a_series_each() -> None:
    rows = [
        {"at": _at(each + sensor / 10), "sensor": f"s{sensor}", "heat": 20.5 + (each * sensor) % 7}
        for each in range(100)
        for sensor in range(1, 5)
    ]
    [measure] = _plan(rows).measures
    assert (measure.key, measure.field, measure.pane) == ("sensor", "heat", MINUTE)


def test_without_trouble_everything_is_counted() -> None:
    chance = random.Random(3)
    rows = [{"at": _at(minute), "page": chance.choice("abc")} for minute in range(900) if chance.random() < 0.4]
    [measure] = _plan(rows).measures
    assert (measure.name, measure.where) == ("events", ())
    assert measure.detectors == (("count", "both"), ("silence", "both"))


def test_wishes_overrule_guesses() -> None:
    rows = [{**each, "amount": str(place % 90)} for place, each in enumerate(_orders())]
    plan = _plan(rows, Wishes(measures=("amount", "status=paid", "count"), pane="30m", unit="shop"))
    assert [(each.name, each.aggregate) for each in plan.measures] == [
        ("amount", "mean"),
        ("paid", "distinct"),
        ("shop_count", "distinct"),
    ]
    assert {each.pane for each in plan.measures} == {30 * MINUTE}


@pytest.mark.parametrize(
    ("wishes", "told"),
    [
        (Wishes(time="att"), "--time att: the sample has no such column; did you mean at?"),
        (Wishes(measures=("stat=failed",)), "--measure stat: the sample has no such column"),
        (Wishes(measures=("status=gone",)), "status never is 'gone' in the sample"),
        (Wishes(measures=("status",)), "holds no numbers to take the mean of"),
    ],
)
def test_wishes_that_do_not_fit_are_named(wishes: Wishes, told: str) -> None:
    with pytest.raises(WishFault) as fault:
        _plan(_orders(), wishes)
    assert told in str(fault.value)


@pytest.mark.parametrize(
    ("wishes", "told"),
    [(Wishes(zone="Mars/Base"), "--zone"), (Wishes(pane="15"), "--pane"), (Wishes(pane="0s"), "--pane")],
)
def test_wishes_that_mean_nothing_are_named(wishes: Wishes, told: str) -> None:
    with pytest.raises(WishFault, match=told):
        check_wishes(wishes)


def test_the_pack_holds_no_personal_value() -> None:
    rows = [
        {**each, "customer": {"email": f"p{place % 40}@example.org", "name": f"Ada {place % 9}"}, "note": f"n{place}"}
        for place, each in enumerate(_orders(500))
    ]
    plan = _plan(rows)
    text = pack_yaml(plan)
    assert "example.org" not in text
    assert "Ada" not in text
    assert "customer.email, customer.name (looks personal)" in text
    assert not any("example.org" in each for each in [*plan.warnings, *(how for _, how in plan.told)])


def test_mixed_types_are_named() -> None:
    rows = [{**each, "amount": place if place % 50 else "unknown"} for place, each in enumerate(_orders())]
    plan = _plan(rows)
    assert "mixed kinds of values in amount (numbers 392, text 8)" in plan.warnings


def test_columns_that_say_the_same_are_dimensions_once() -> None:
    rows = [{**each, "shop_name": f"The shop {each['shop']}"} for each in _orders()]
    assert _plan(rows).measures[0].dimensions == ("shop",)


def test_late_events_are_waited_for() -> None:
    rows = [{**each, "at": _at(place * 7 - 30 * (place % 9 == 0))} for place, each in enumerate(_orders())]
    assert _plan(rows).lateness == 30 * MINUTE


def test_a_file_that_is_newest_first_is_told() -> None:
    plan = _plan(reversed(_orders()))
    assert plan.unsorted
    assert any("is newest first" in each for each in plan.warnings)


def test_cloudevents_need_no_mapping() -> None:
    events = [
        {
            "specversion": "1.0",
            "id": str(each),
            "source": "/shop",
            "type": "order.failed" if each % 15 == 0 else "order.paid",
            "time": _at(each * 3),
            "data": {"order": str(each), "shop": f"s{each % 3}", "Odd": "x", "deep": {"er": 1}},
        }
        for each in range(300)
    ]
    plan = _plan(events)
    text = pack_yaml(plan)
    assert "mapping:" not in text
    assert "- type: order.failed" in text
    assert plan.measures[0].dimensions == ("shop",)


def test_names_and_values_that_yaml_would_misread_are_quoted() -> None:
    rows = [{"at": _at(each), "yes: no": f"v{each % 3}", "{x}": str(each)} for each in range(100)]
    assert 'from: "yes: no"' in pack_yaml(_plan(rows)) or 'yes_no: "yes: no"' in pack_yaml(_plan(rows))


def test_rows_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    lines = [json.dumps(each) for each in _orders(100)] + ["{broken", "[1]"]
    (tmp_path / "orders.jsonl").write_text("\n".join(lines))
    sample = read_file(tmp_path / "orders.jsonl")
    assert (len(sample.documents), sample.fault_total) == (100, 2)
    assert any(
        "2 rows could not be read: line 101" in each for each in plan_pack(sample, "o", "o", Wishes(), NOW).warnings
    )


def test_a_file_of_nothing_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("at,b\n")
    (tmp_path / "b.jsonl").write_text("no\n")
    with pytest.raises(SampleFault, match="holds no row"):
        read_file(tmp_path / "a.csv")
    with pytest.raises(SampleFault, match="none of its 1 rows can be read"):
        read_file(tmp_path / "b.jsonl")


def test_a_sample_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(each) for each in _orders(100)))
    sample = read_file(tmp_path / "a.jsonl", 60)
    assert (len(sample.documents), sample.whole) == (60, False)
    assert any("first 60 rows only" in each for each in plan_pack(sample, "o", "o", Wishes(), NOW).warnings)
