"""Local times to instants, at the changes of the clock above all."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.mapping import instant as read
from contracts import TimeSpec, from_iso

LONDON = "Europe/London"
FIRST = datetime.fromisoformat("1900-01-01")
LAST = datetime.fromisoformat("2100-01-01")


def instant(text: str, form: str = "iso", zone: str | None = None, **rules: Any) -> int:
    return read(text, TimeSpec(column="at", format=form, zone=zone, **rules))


@pytest.mark.parametrize(
    ("text", "form", "zone", "expected"),
    [
        ("2010-12-01T08:26:00", "iso", LONDON, "2010-12-01T08:26:00Z"),
        ("2010-07-01 08:26", "iso", LONDON, "2010-07-01T07:26:00Z"),
        ("2010-07-01T08:26:00.000001", "iso", "+05:30", "2010-07-01T02:56:00.000001Z"),
        ("2010-07-01T08:26:00+02:00", "iso", LONDON, "2010-07-01T06:26:00Z"),
        ("2010-07-01T08:26:00Z", "iso", None, "2010-07-01T08:26:00Z"),
        ("01/07/2010 08:26", "%d/%m/%Y %H:%M", "-01:00", "2010-07-01T09:26:00Z"),
        ("01.07.2010 08:26 +0100", "%d.%m.%Y %H:%M %z", LONDON, "2010-07-01T07:26:00Z"),
        ("1969-12-31T23:59:59.999999", "iso", "UTC", "1969-12-31T23:59:59.999999Z"),
        ("1277969160", "epoch_s", None, "2010-07-01T07:26:00Z"),
        ("1277969160.25", "epoch_s", None, "2010-07-01T07:26:00.250000Z"),
        ("1.27796916E9", "epoch_s", None, "2010-07-01T07:26:00Z"),
        ("1277969160001", "epoch_ms", None, "2010-07-01T07:26:00.001000Z"),
        ("1277969160000001", "epoch_us", None, "2010-07-01T07:26:00.000001Z"),
        ("-1", "epoch_us", None, "1969-12-31T23:59:59.999999Z"),
    ],
)
def test_a_time_is_read_by_its_form_and_zone(text: str, form: str, zone: str | None, expected: str) -> None:
    assert instant(f" {text} ", form, zone) == from_iso(expected)


@pytest.mark.parametrize(("ambiguous", "expected"), [("earlier", "00:30:00Z"), ("later", "01:30:00Z")])
def test_an_hour_that_happened_twice(ambiguous: str, expected: str) -> None:
    found = instant("2010-10-31T01:30", zone=LONDON, ambiguous=ambiguous)
    assert found == from_iso(f"2010-10-31T{expected}")


def test_an_hour_that_happened_twice_may_be_refused() -> None:
    with pytest.raises(ValueError, match="happened twice in Europe/London"):
        instant("2010-10-31T01:30", zone=LONDON, ambiguous="refuse")


def test_an_hour_that_never_happened() -> None:
    with pytest.raises(ValueError, match="does not exist in Europe/London"):
        instant("2010-03-28T01:30", zone=LONDON)
    for ambiguous in ("earlier", "later"):
        shifted = instant("2010-03-28T01:30", zone=LONDON, ambiguous=ambiguous, nonexistent="shift")
        assert shifted == from_iso("2010-03-28T01:30:00Z")


@pytest.mark.parametrize(
    ("text", "form", "zone", "says"),
    [
        ("2010-10-31T01:30", "iso", None, "names no time zone"),
        ("2010-10-31", "%d/%m/%Y", LONDON, "no time of the form %d/%m/%Y"),
        ("yesterday", "epoch_s", None, "no time of the form epoch_s; write a number"),
        ("1e999", "epoch_s", None, "no time of the form epoch_s"),
        ("1e99", "epoch_s", None, "not within the years 1 to 9999"),
        ("1277969160000001", "epoch_s", None, "not within the years 1 to 9999"),
        ("0001-01-01T00:00:00+01:00", "iso", None, "not within the years 1 to 9999"),
    ],
)
def test_what_is_no_time_is_refused(text: str, form: str, zone: str | None, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        instant(text, form, zone)


@settings(deadline=None)
@given(st.datetimes(FIRST, LAST), st.sampled_from([LONDON, "America/St_Johns", "Asia/Tokyo"]))
def test_every_instant_comes_back_from_its_local_time(moment: datetime, zone: str) -> None:
    aware = moment.replace(tzinfo=UTC)
    local = aware.astimezone(ZoneInfo(zone))
    found = instant(local.replace(tzinfo=None).isoformat(), zone=zone, ambiguous="later" if local.fold else "earlier")
    assert found == from_iso(aware.isoformat())
