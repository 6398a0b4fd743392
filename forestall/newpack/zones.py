"""Traces that local time leaves in a sample: hours that come twice, offsets that change, clocks that disagree."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from contracts import HOUR, MINUTE, SECOND, to_iso
from forestall.newpack.columns import Column
from forestall.newpack.instants import Read
from forestall.newpack.times import TimeColumn

HOUR_SLACK = 10 * MINUTE
"""A step back of an hour, give or take the time between two events."""
CANDIDATES = ("Europe/London", "Europe/Berlin", "America/New_York", "America/Los_Angeles", "Australia/Sydney")
"""One zone for each common rule of changing the clocks."""
FEW = 20
APART = HOUR
AHEAD = 5 * MINUTE


def notes_on_time(time: TimeColumn, zone: str | None, now: int) -> list[str]:
    """Warnings about zone and clocks; `now` is our own clock's (microseconds)."""
    notes = []
    local, path = time.names_no_zone, time.path
    reads = [each for each in time.reads if each is not None]
    if local and local < len(reads):
        notes.append(f"{path} mixes times with an offset ({len(reads) - local:,}) and without ({local:,})")
    if local and zone is None:
        notes += _steps_back(path, reads)
    offsets = sorted({each.offset for each in reads if each.offset is not None})
    if len(offsets) > 1 and not time.form.startswith("epoch"):
        told = ", ".join(_offset(each) for each in offsets[:4])
        notes.append(f"{path} changes its offset ({told}); that is read, and the instants are right")
    ahead = sum(each.at > now + AHEAD for each in reads)
    if ahead:
        doubt = "; is it local time? --zone names the zone" if local and zone is None else ""
        notes.append(
            f"{path} lies ahead of this machine's clock in {ahead:,} of {len(reads):,}; such events are refused{doubt}"
        )
    if time.doubtful:
        notes.append(f"{path} could have day and month swapped; {time.form} was taken")
    return notes


def _steps_back(path: str, reads: list[Read]) -> list[str]:
    """Where a series that goes forward steps back by about an hour, somebody set a clock back."""
    steps = [(before.at, after.at) for before, after in pairwise(reads) if after.at < before.at]
    hours = [pair for pair in steps if abs(pair[0] - pair[1] - HOUR) <= HOUR_SLACK]
    if not hours or len(steps) > max(FEW, len(reads) // 100):
        return []
    at = hours[0][0]
    zones = [name for name in CANDIDATES if any(_repeated(name, moment) for moment in hours[0])]
    if zones:
        why = f"as clocks do there in {zones[0]}: the times are local; --zone {zones[0]} or another of its kind"
    else:
        why = "in no common zone clocks change then; readings of that hour cannot be told apart by time"
    return [f"{path} steps back an hour at {to_iso(at)[:16].replace('T', ' ')}, {why}"]


def _repeated(zone: str, micros: int) -> bool:
    """Whether this local time, give or take an hour, happened twice in the zone."""
    for shift in (-HOUR, 0, HOUR):
        moment = datetime.fromtimestamp((micros + shift) // SECOND, UTC).replace(tzinfo=ZoneInfo(zone))
        before, after = moment.replace(fold=0).utcoffset(), moment.replace(fold=1).utcoffset()
        if before is not None and after is not None and before > after:
            return True
    return False


def _offset(seconds: int) -> str:
    sign = "-" if seconds < 0 else "+"
    return f"{sign}{abs(seconds) // 3600:02}:{abs(seconds) % 3600 // 60:02}"


def clocks_apart(time: TimeColumn, lags: Sequence[int], columns: list[Column]) -> str | None:
    """A column whose values lie hours behind one another: senders with different clocks. Names no value of it."""
    if sum(each >= APART for each in lags) * 50 < len(lags):
        return None
    rows = [row for row, each in enumerate(time.reads) if each is not None]
    for column in columns:
        if not 2 <= column.profile.distinct <= FEW or column is time.column:
            continue
        by_value: defaultdict[str, list[int]] = defaultdict(list)
        for row, lag in zip(rows, lags, strict=True):
            text = column.texts[row]
            if text is not None:
                by_value[text].append(lag)
        middles = sorted(sorted(each)[len(each) // 2] for each in by_value.values() if len(each) >= 5)
        if len(middles) > 1 and middles[-1] - middles[0] >= APART:
            apart = f"{(middles[-1] - middles[0]) / HOUR:.1f}".removesuffix(".0")
            return f"clocks are {apart} h apart by {column.path}; mend them where the messages are made"
    return None
