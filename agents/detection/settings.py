"""Reading a detector's settings, with messages that say what to write instead."""

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Any, Literal

Direction = Literal["up", "down", "both"]

FALSE_SIGNALS = 2e-5
"""Nominal chance of a false signal a point: a fifth of what the quality run allows, the rest is for model error."""


def check_known(kind: str, settings: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """Refuse settings that the detector does not have.

    Raises:
        ValueError: a name is unknown.
    """
    if unknown := sorted(set(settings) - set(known)):
        rule = f"known: {', '.join(known)}" if known else "this kind takes none"
        raise ValueError(f"settings: {unknown[0]!r} = {settings[unknown[0]]!r} is unknown to kind {kind!r}; {rule}")


def number(settings: Mapping[str, Any], name: str, low: float = -math.inf, high: float = math.inf) -> float | None:
    """The finite number under `name` within [low, high], or None where it is not set.

    Raises:
        ValueError: the value is no number or out of range.
    """
    value = settings.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"settings: {name} = {value!r}; write a number")
    if not low <= value <= high:
        raise ValueError(f"settings: {name} = {value!r}; write a number from {low:g} to {high:g}")
    return float(value)


def check_version(kind: str, snapshot: Mapping[str, Any], version: int) -> None:
    """Refuse a snapshot of another kind or of a newer version.

    Raises:
        ValueError: this build cannot read the snapshot.
    """
    if snapshot.get("kind") != kind:
        raise ValueError(f"snapshot: kind = {snapshot.get('kind')!r}; a {kind!r} detector reads only its own kind")
    found = snapshot.get("version")
    if not isinstance(found, int) or found > version:
        raise ValueError(f"snapshot: version = {found!r}; this build reads {kind!r} up to {version}; upgrade Forestall")


def look_threshold(looks: int, rate: float = FALSE_SIGNALS) -> float:
    """Standard normal quantile at which `looks` tests of a point share the nominal `rate` (Bonferroni 1936)."""
    return NormalDist().inv_cdf(1 - rate / looks)


def span_lengths(width: int, reach: int, least: int) -> list[int]:
    """Powers of two up to `least` panes, and further while a span stays within `reach` microseconds."""
    lengths = [1]
    while lengths[-1] * 2 <= max(least, reach // width):
        lengths.append(lengths[-1] * 2)
    return lengths
