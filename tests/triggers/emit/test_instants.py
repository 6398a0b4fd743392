"""Local times to instants, at the changes of the clock above all."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import from_iso
from triggers.emit.instants import instant

LONDON = "Europe/London"
FIRST = datetime.fromisoformat("1900-01-01")
LAST = datetime.fromisoformat("2100-01-01")


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
    ],
)
def test_a_time_is_read_by_its_form_and_zone(text, form, zone, expected):
    assert instant(text, form, zone, "earlier", "refuse") == from_iso(expected)


@pytest.mark.parametrize(("ambiguous", "expected"), [("earlier", "00:30:00Z"), ("later", "01:30:00Z")])
def test_an_hour_that_happened_twice(ambiguous, expected):
    assert instant("2010-10-31T01:30", "iso", LONDON, ambiguous, "refuse") == from_iso(f"2010-10-31T{expected}")


def test_an_hour_that_happened_twice_may_be_refused():
    with pytest.raises(ValueError, match="happened twice in Europe/London"):
        instant("2010-10-31T01:30", "iso", LONDON, "refuse", "refuse")


def test_an_hour_that_never_happened():
    with pytest.raises(ValueError, match="does not exist in Europe/London"):
        instant("2010-03-28T01:30", "iso", LONDON, "earlier", "refuse")
    for ambiguous in ("earlier", "later"):
        shifted = instant("2010-03-28T01:30", "iso", LONDON, ambiguous, "shift")
        assert shifted == from_iso("2010-03-28T01:30:00Z")


def test_a_time_without_any_zone_is_refused():
    with pytest.raises(ValueError, match="names no time zone"):
        instant("2010-10-31T01:30", "iso", None, "earlier", "refuse")


def test_another_form_is_refused():
    with pytest.raises(ValueError, match="no time of the form %d/%m/%Y"):
        instant("2010-10-31", "%d/%m/%Y", LONDON, "earlier", "refuse")


@settings(deadline=None)
@given(
    st.datetimes(FIRST, LAST),
    st.sampled_from([LONDON, "America/St_Johns", "Asia/Tokyo"]),
)
def test_every_instant_comes_back_from_its_local_time(moment, zone):
    aware = moment.replace(tzinfo=UTC)
    local = aware.astimezone(ZoneInfo(zone))
    ambiguous = "later" if local.fold else "earlier"
    found = instant(local.replace(tzinfo=None).isoformat(), "iso", zone, ambiguous, "refuse")
    assert found == from_iso(aware.isoformat())
