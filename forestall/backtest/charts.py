"""The plots' data: what is shown of each series, within bounds that the page tells."""

from collections.abc import Sequence
from typing import Any

from contracts import SECOND
from forestall.backtest.result import Backtest, Incident, Track
from forestall.backtest.wording import noticed

CHARTS_MAX = 24
"""Series that are plotted: those with signals first, then those with the most in them."""
POINTS_MAX = 20_000
"""Points of one plot."""
POINTS_TOTAL = 120_000
"""Points of a page: some four megabytes."""
BAND = 3
"""Robust standard deviations on either side of what is expected."""


def charts_of(result: Backtest) -> list[dict[str, Any]]:
    """What the page's script draws; times in seconds."""
    chosen = _chosen(result)
    room = min(POINTS_MAX, POINTS_TOTAL // max(len(chosen), 1))
    return [_chart(number, track, result, room) for number, track in enumerate(chosen)]


def _chosen(result: Backtest) -> list[Track]:
    signals: dict[tuple[str, str, str], int] = {}
    for each in result.signals:
        name = (each.signal.measure, each.signal.detector, each.signal.key)
        signals[name] = signals.get(name, 0) + 1

    def rank(place: int) -> tuple[int, float, int]:
        track = result.tracks[place]
        loud = signals.get((track.measure, track.detector, track.key), 0)
        return -loud, -sum(abs(value) for value in track.values if value is not None), place

    best = sorted(range(len(result.tracks)), key=rank)[:CHARTS_MAX]
    return [result.tracks[place] for place in sorted(best, key=lambda place: (rank(place)[0] == 0, place))]


def _chart(number: int, track: Track, result: Backtest, room: int) -> dict[str, Any]:
    every, kept = _thinned(track, room)
    judged = [track.states[place] != "l" for place in kept]
    low = [track.expected[place] - BAND * track.spreads[place] for place in kept]
    high = [track.expected[place] + BAND * track.spreads[place] for place in kept]
    floor = _floor(track)
    own = [each for each in result.incidents if _is_of(each, track)]
    return {
        "id": f"chart-{number}",
        "title": track.title,
        "key": None if track.key == "all" else track.key,
        "measure": track.measure,
        "detector": f"{track.detector} ({track.kind})",
        "every": every,
        "missed": track.missed,
        "pane": track.pane / SECOND,
        "floor": floor,
        "t": [track.starts[place] // SECOND for place in kept],
        "v": [_short(track.values[place]) for place in kept],
        "e": [_short(track.expected[place]) if ok else None for place, ok in zip(kept, judged, strict=True)],
        "lo": [
            _short(each if floor is None else max(each, floor)) if ok else None
            for each, ok in zip(low, judged, strict=True)
        ],
        "hi": [_short(each) if ok else None for each, ok in zip(high, judged, strict=True)],
        "s": "".join(track.states[place] for place in kept),
        "signals": [
            {"t": each.signal.noticed_at // SECOND, "from": each.signal.onset // SECOND, "text": each.signal.pattern}
            for each in result.signals
            if (each.signal.measure, each.signal.detector, each.signal.key) == _name(track)
        ],
        "incidents": [
            {
                "id": each.id,
                "from": each.opened_at // SECOND,
                "to": (each.closed_at or result.end) // SECOND,
                "text": noticed(each),
            }
            for each in own
        ],
    }


def _name(track: Track) -> tuple[str, str, str]:
    return track.measure, track.detector, track.key


def _is_of(incident: Incident, track: Track) -> bool:
    signal = incident.signal
    return (signal.measure, signal.detector, signal.key) == _name(track)


def _floor(track: Track) -> float | None:
    """0 for what is never negative, as far as was seen."""
    return None if any(value is not None and value < 0 for value in track.values) else 0.0


def _thinned(track: Track, room: int) -> tuple[int, Sequence[int]]:
    """Of every so many panes the most unusual one, so that no excursion is lost."""
    number = len(track.starts)
    every = -(-number // room)
    if every <= 1:
        return 1, range(number)

    def unusual(place: int) -> float:
        value = track.values[place]
        return -1.0 if value is None else abs(value - track.expected[place]) / (track.spreads[place] or 1.0)

    return every, [max(range(at, min(at + every, number)), key=unusual) for at in range(0, number, every)]


def _short(value: float | None) -> float | None:
    return None if value is None or value != value else float(f"{value:.5g}")
