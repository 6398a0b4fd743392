"""Three days of parcels, of which one depot sends everything back on the third, and ways to play them."""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

from contracts import MINUTE, Event, EventMapping, encode_event, from_iso
from evals import VirtualClock
from forestall.backtest import Backtest, Options, file_history
from forestall.backtest import backtest as play_backtest
from forestall.packs import Pack, load_pack

START = from_iso("2026-03-01T00:00:00Z")
TODAY = from_iso("2028-01-01T00:00:00Z")
"""What our own clock says."""
PANE = 15 * MINUTE
PARCELS = Path(__file__).parents[1] / "packs" / "parcels"
DEPOTS = ("north", "south", "east", "west")


def parcels_events(bad: str = "east", *, days: int = 3) -> list[Event]:
    """Two or three a pane, and twelve more from the bad depot for two hours at noon of the last day."""
    chance, events = random.Random(7), []
    for pane in range(96 * days):
        places = [chance.choice(DEPOTS) for _ in range(chance.choice((1, 2, 2, 3, 3, 4)))]
        if 48 <= pane - 96 * (days - 1) < 56:
            places += [bad] * 12
        times = sorted(chance.randrange(PANE) for _ in places)
        events += [_returned(len(events) + n, START + pane * PANE + at, places[n]) for n, at in enumerate(times)]
    return events


def _returned(number: int, time: int, depot: str) -> Event:
    data = {"parcel": f"P{number}", "depot": depot}
    return Event(id=f"p{number}", source="/parcels", type="parcel.returned", time=time, data=data, key=f"P{number}")


def write_lines(path: Path, events: Sequence[Event | bytes]) -> Path:
    """JSON lines."""
    path.write_bytes(b"".join((each if isinstance(each, bytes) else encode_event(each)) + b"\n" for each in events))
    return path


def play(
    file: Path,
    pack: Path | Pack = PARCELS,
    options: Options | None = None,
    *,
    mapping: EventMapping | None = None,
    today: int = TODAY,
) -> Backtest:
    """A backtest of a file of events, or of rows that `mapping` makes into events."""
    loaded = pack if isinstance(pack, Pack) else load_pack(pack)
    history = file_history(file, loaded.manifest, mapping, None, "default")
    return asyncio.run(play_backtest(loaded, history, options or Options(), VirtualClock(today)))
