"""Columns are what their values are, one by one."""

import zoneinfo
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agents.mapping import CONVERT, getter, instant, text_of
from agents.mapping.paths import column
from agents.mapping.time_columns import calendar, instants_of
from agents.mapping.value_columns import converted, texts
from contracts import HOUR, FieldType, TimeSpec

TEXTS = st.text("0123456789.-+eE _\n٣a\ud800", max_size=6)
NUMERALS = st.decimals(-(10**6), 10**6, allow_nan=False).map(str) | st.integers().map(str)
NUMBERS = st.integers(-(10**20), 10**20) | st.decimals(allow_nan=True) | st.floats()
ONE = st.just(None) | TEXTS | NUMBERS | st.booleans() | st.just(b"1") | st.just([1])
MANY = st.one_of(
    [st.lists(each, max_size=5) for each in (ONE, TEXTS, NUMERALS, NUMBERS, st.integers(), st.booleans() | st.none())]
    + [st.lists(st.integers(0, 99) | st.none(), max_size=5), st.lists(NUMERALS | st.integers() | st.none(), max_size=5)]
)


def one_by_one(convert: Any, values: list[Any], *, optional: bool) -> tuple[list[Any], set[int]]:
    found: list[Any] = []
    doubted = set()
    for place, value in enumerate(values):
        made = None
        try:
            if value is not None:
                made = convert(text_of(value))
            elif not optional:
                doubted.add(place)
        except ValueError:
            doubted.add(place)
        found.append(made)
    return found, doubted


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(CONVERT)), MANY, st.booleans())
@example("number", [Decimal("0E-1001"), Decimal("1E-400"), Decimal(1)], False)
@example("number", ["-0", "0.0", "1" * 310], False)
@example("decimal", [Decimal("0.00000001"), Decimal("-0.0"), 5], False)
@example("decimal", ["007.50", ".5", "5.", "1" * 41], False)
@example("integer", [1, 2**53], False)
@example("integer", [str(-(2**53)), "1"], False)
@example("integer", ["0" * 18 + "1", "-5", str(2**53)], True)
def test_values(kind: FieldType, values: list[Any], optional: bool) -> None:
    doubted: set[int] = set()
    found = converted(kind, values, doubted, optional=optional)
    assert repr((found, doubted)) == repr(one_by_one(CONVERT[kind], values, optional=optional))


@given(MANY)
def test_texts(values: list[Any]) -> None:
    doubted: set[int] = set()
    found = texts(values, doubted)
    assert (found, doubted) == one_by_one(str, values, optional=True)


DOCUMENTS = st.dictionaries(
    st.sampled_from(["a", "a.b", "b"]),
    st.recursive(
        st.integers(0, 3) | st.none(),
        lambda below: (
            st.lists(below, max_size=2) | st.dictionaries(st.sampled_from(["b", "0", "0.c"]), below, max_size=2)
        ),
    ),
)  # fmt: skip


@given(st.lists(DOCUMENTS, max_size=4), st.sampled_from(["a", "a.b", "a.0", "a.b.0", "a.0.c", "a.b.0.b", "c"]))
def test_paths(documents: list[dict[str, Any]], path: str) -> None:
    assert column(documents, path) == list(map(getter(path), documents))


ZONES = sorted(zoneinfo.available_timezones() - {"localtime"})
SHAPES = ["", "Z", ".5", ".250", ".123456Z", "+01:00", "-00:30", ".000-23:59", "+24:00", "+1:00"]


@settings(max_examples=400, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    shape=st.sampled_from(SHAPES),
    times=st.lists(st.datetimes(), min_size=1, max_size=4),
    choice=st.sampled_from([("earlier", "refuse"), ("later", "shift"), ("refuse", "refuse")]),
)
def test_times_of_every_zone(zone: str, shape: str, times: list[datetime], choice: tuple[str, str]) -> None:
    spec = TimeSpec.model_validate({"column": "at", "zone": zone, "ambiguous": choice[0], "nonexistent": choice[1]})
    written = [at.isoformat(" ", "seconds") + shape for at in times]
    same(written, spec)


def same(values: list[Any], spec: TimeSpec) -> list[int | None]:
    alone: list[int | None] = []
    for value in values:
        try:
            alone.append(instant(text_of(value), spec))
        except (ValueError, OverflowError):
            alone.append(None)
    doubted: set[int] = set()
    found = instants_of(values, spec, doubted)
    assert [None if place in doubted else at for place, at in enumerate(found)] == alone
    return alone


def changes(zone: str) -> list[datetime]:
    """Local times about each change of the zone's clock, found from day to day."""
    info, found = zoneinfo.ZoneInfo(zone), []
    day = datetime(1900, 1, 1)  # noqa: DTZ001 - a local time
    while day.year < 2040:
        after = day + timedelta(days=1)
        if day.replace(tzinfo=info).utcoffset() != after.replace(tzinfo=info).utcoffset():
            found += [day + timedelta(minutes=each) for each in range(-180, 1620, 15)]
        day = after
    return found


@pytest.mark.parametrize(
    "zone",
    ["Europe/London", "America/New_York", "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca",
     "Pacific/Apia", "Asia/Tehran", "Europe/Dublin", "Antarctica/Troll"],
)  # fmt: skip
@pytest.mark.parametrize("ambiguous", ["later", "refuse"])
def test_times_about_every_change_of_a_clock(zone: str, ambiguous: str) -> None:
    spec = TimeSpec.model_validate({"column": "at", "zone": zone, "ambiguous": ambiguous})
    written = [at.isoformat() for at in changes(zone)]
    assert len(written) > 100
    same(written, spec)


@settings(max_examples=200)
@given(
    st.sampled_from(["%d/%m/%Y %H:%M", "%Y%m%d%H%M%S.%f", "%d1%m1%Y", " %Y-%m-%d", "%Y-%m-%d %H:%M:%S %%", "%d %b %Y"]),
    st.lists(st.datetimes(), min_size=1, max_size=3),
    st.text("0123456789 /:", max_size=4),
)
def test_times_of_other_forms(form: str, times: list[datetime], odd: str) -> None:
    spec = TimeSpec(column="at", format=form, zone="+01:00")
    same([at.strftime(form) for at in times], spec)
    same([at.strftime(form)[: -len(odd) or None] + odd for at in times], spec)


def test_what_is_nearly_a_time() -> None:
    days = [
        "2010-02-29",
        "2010-02-30",
        "2012-02-29",
        "2010-13-01",
        "2010-00-01",
        "2010-04-31",
        "2010-01-00",
        "0000-01-01",
    ]
    hours = ["24:00:00", "23:60:00", "08:26:60", "08:26:61", "08:2a:00", "08.26.00", "08:26:00"]
    spec = TimeSpec(column="at", zone="UTC")
    for one in [*(f"{day} 08:26:00" for day in days), *(f"2010-12-01 {hour}" for hour in hours)]:
        same([one, "2010-12-01 08:26:00"], spec)
    ends = ["+23:59", "+24:00", "+01:60", "-00:00", "*01:00", "+1:000", "+0100:"]
    for end in ends:
        same(["2010-12-01T08:26:00" + end, "2010-12-01T08:26:00+01:00"], spec)


EPOCHS = st.integers(-(10**12), 10**17) | st.decimals(-(10**8), 10**10, places=7) | st.sampled_from(["5.", ".5", " 7 "])


@given(
    st.sampled_from(["epoch_s", "epoch_ms", "epoch_us"]),
    st.lists(EPOCHS, max_size=3) | st.lists(EPOCHS.map(str), max_size=3) | MANY,
)
def test_times_since_the_epoch(form: str, values: list[Any]) -> None:
    same(values, TimeSpec(column="at", format=form))


def test_usual_times_are_read_at_once() -> None:
    """None of them is left to be read by itself, but for the hours in which a clock changes."""
    hours = [datetime(2011, 3, 27) + timedelta(hours=hour) for hour in range(24)]  # noqa: DTZ001
    found = calendar([at.isoformat(" ") for at in hours], "iso", "Europe/London")
    assert found is not None
    assert [place for place, at in enumerate(found) if at is None] == [1]
    assert found[3] == found[0] + 2 * HOUR  # type: ignore[operator]
    mixed = ["2011-03-27T10:00:00Z", "2011-03-27T10:00:00.5Z", "2011-03-27T10:00:00.250Z"]
    read = calendar(mixed, "iso", None)
    assert read is not None
    assert [at is None for at in read] == [False, True, False]
