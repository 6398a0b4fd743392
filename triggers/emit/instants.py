"""From a file's local times to instants."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache
def zone_of(name: str) -> tzinfo:
    """The zone of an IANA name, `Z`, or an offset such as `+01:00`.

    Raises:
        ValueError: there is no such zone.
    """
    if name in ("Z", "UTC"):
        return UTC
    if offset := re.fullmatch(r"([+-])(\d\d):([0-5]\d)", name):
        minutes = int(offset[2]) * 60 + int(offset[3])
        return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(
            f"{name!r} is no time zone known here; write an IANA name such as Europe/London, or an offset"
        ) from error


def instant(text: str, form: str, zone: str | None, ambiguous: str, nonexistent: str) -> int:
    """Microseconds (UTC) of a time written in `form`, by the rules of `mapping.TimeSpec`.

    Raises:
        ValueError: the text has another form, or names no instant.
    """
    try:
        moment = datetime.fromisoformat(text) if form == "iso" else datetime.strptime(text, form)  # noqa: DTZ007
    except ValueError as error:
        wanted = "ISO 8601" if form == "iso" else form
        raise ValueError(f"no time of the form {wanted}") from error
    if moment.tzinfo is None:
        if zone is None:
            raise ValueError("names no time zone, and the mapping's time.zone does not either")
        moment = _local(moment.replace(tzinfo=zone_of(zone)), zone, ambiguous, nonexistent)
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _local(moment: datetime, zone: str, ambiguous: str, nonexistent: str) -> datetime:
    """PEP 495: `fold` chooses between the offsets before (0) and after (1) a change of the clock."""
    before, after = moment.replace(fold=0).utcoffset(), moment.replace(fold=1).utcoffset()
    assert before is not None
    assert after is not None
    if before < after and nonexistent == "refuse":
        raise ValueError(f"does not exist in {zone}: the clock was put forward")
    if before > after:
        if ambiguous == "refuse":
            raise ValueError(f"happened twice in {zone}: the clock was put back")
        return moment.replace(fold=1 if ambiguous == "later" else 0)
    return moment.replace(fold=0)
