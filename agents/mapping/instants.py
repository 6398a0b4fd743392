"""From written times to instants."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from contracts import EPOCHS, SECOND, TimeSpec, zone_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,20})?([eE]\+?[0-9]{1,2})?")
UNIT = dict(zip(EPOCHS, (SECOND, 1000, 1), strict=True))
FIRST = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
LAST = (datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)


def instant(text: str, spec: TimeSpec) -> int:
    """Microseconds (UTC) of a time, by the rules of `contracts.TimeSpec`.

    Raises:
        ValueError: the text has another form, or names no instant of the years 1 to 9999.
    """
    text = text.strip()
    micros = _since_epoch(text, spec.format) if spec.format in EPOCHS else _calendar(text, spec)
    if not FIRST <= micros <= LAST:
        raise ValueError("not within the years 1 to 9999")
    return micros


def _since_epoch(text: str, form: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"no time of the form {form}; write a number")
    return round(Decimal(text) * UNIT[form])


def _calendar(text: str, spec: TimeSpec) -> int:
    try:
        moment = datetime.fromisoformat(text) if spec.format == "iso" else datetime.strptime(text, spec.format)  # noqa: DTZ007
    except ValueError as error:
        wanted = "ISO 8601" if spec.format == "iso" else spec.format
        raise ValueError(f"no time of the form {wanted}") from error
    if moment.tzinfo is None:
        if spec.zone is None:
            raise ValueError("names no time zone, and the mapping's time.zone does not either")
        moment = _local(moment.replace(tzinfo=zone_of(spec.zone)), spec)
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _local(moment: datetime, spec: TimeSpec) -> datetime:
    """PEP 495: `fold` chooses between the offsets before (0) and after (1) a change of the clock."""
    moment = moment.replace(fold=0)
    before, after = moment.utcoffset(), moment.replace(fold=1).utcoffset()
    assert before is not None
    assert after is not None
    if before == after:
        return moment
    if before < after and spec.nonexistent == "refuse":
        raise ValueError(f"does not exist in {spec.zone}: the clock was put forward")
    if before > after:
        if spec.ambiguous == "refuse":
            raise ValueError(f"happened twice in {spec.zone}: the clock was put back")
        return moment.replace(fold=1 if spec.ambiguous == "later" else 0)
    return moment
